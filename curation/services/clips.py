"""Importing ready-cut clips: each file becomes a clip in the policy's format, each row a candidate annotation.

Several rows may name one file with different labels: one clip with several candidate annotations. Whatever
describes the clip itself (group, licence, address, uploader, tags, title) must then be the same in all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from posixpath import normpath

from django.db import transaction

from curation.domain.naming import folded_name, name_key
from curation.domain.progress import Progress, no_progress
from curation.models import AnnotationSource, CandidateAnnotation, Clip, Dataset
from curation.selectors.categories import CategoryIndex
from curation.selectors.policies import current_policy
from curation.services.audio_intake import ClipRequest, Known, StoredClip, take_clip
from curation.services.audio_store import make_audio_durable
from curation.services.clip_match import CheckedClip, StoredClips
from curation.services.manifest_fields import check_licence, check_text, check_url, check_yes_no, find_file, find_label
from curation.services.participants import check_code, ensure_participants, numbered
from curation.services.row_import import (
    Accepted,
    ImportReport,
    Outcome,
    Refused,
    Row,
    RowRefusedError,
    check_field_lengths,
    import_rows,
)
from curation.services.worker_pool import AudioWorkers

WRITE_ROWS = 100  # rows whose files are read before they are written; what a crash makes read again
CLIP_COLUMNS = ("path", "label", "verified", "group")  # that a manifest must have
LENGTHS = {"path": 255, "licence": 64, "source_url": 500, "uploader": 200, "title": 300}
MAX_TAGS = 200
MAX_TAG_CHARS = 100


def import_clips(
    *,
    dataset: Dataset,
    path: Path,
    audio_root: Path | None = None,
    workers: int = 1,
    progress: Progress = no_progress,
    refused_path: Path | None = None,
) -> ImportReport:
    """Import a manifest of ready-cut clips.

    Parameters
    ----------
    dataset : Dataset
        Where the clips belong.
    path : Path
        CSV with path, label, verified (1/0/yes/no), group (the participant) and optional licence, source_url,
        uploader, tags (apart by ``;``, or by commas where there is none), title.
    audio_root : Path, optional
        Folder outside which no file is read; the manifest's where absent.
    workers : int
        Processes that read audio.
    progress : Progress
        Told the lines done.
    refused_path : Path, optional
        Where refused rows are listed; beside the manifest otherwise.

    Returns
    -------
    ImportReport
        What became of the rows.

    Raises
    ------
    UnusableFileError
        If the manifest cannot be used at all.
    """
    with AudioWorkers(workers) as pool:
        root = (audio_root or path.parent).resolve()
        importer = _ClipImporter(dataset=dataset, root=root, pool=pool, progress=progress)
        return import_rows(dataset=dataset, path=path, importer=importer, progress=progress, refused_path=refused_path)


_Audio = StoredClip | Known | Refused


@dataclass(kw_only=True)
class _ClipImporter:
    """Rows of clips; see `curation.services.row_import.Importer`."""

    dataset: Dataset
    root: Path
    pool: AudioWorkers
    progress: Progress
    kind: str = "clips"
    required: Sequence[str] = CLIP_COLUMNS
    optional: Sequence[str] = ("licence", "source_url", "uploader", "tags", "title")
    _highest_number: int = 0

    def __post_init__(self) -> None:
        self._policy = current_policy(self.dataset).policy
        self._categories = CategoryIndex(self.dataset)

    def identity(self, row: Row) -> tuple[str, ...]:
        """Return path and label."""
        return normpath(row["path"]), row["label"]

    def look(self, row: Row) -> None:
        """Keep the numbers that groups name from being drawn for others."""
        self._highest_number = max(self._highest_number, numbered(row["group"]))

    def take(self, rows: Sequence[Row]) -> Sequence[Outcome]:
        """Read the files and store the clips and candidate annotations of good rows."""
        outcomes: list[Outcome] = []
        for start in range(0, len(rows), WRITE_ROWS):
            batch = rows[start : start + WRITE_ROWS]
            outcomes += self._take_batch(batch)
            self.progress(batch[-1].line - 1, None)
        return outcomes

    def _take_batch(self, rows: Sequence[Row]) -> list[Outcome]:
        """Take one file of each clip name at a time: another may have the name if that one is refused."""
        outcomes: dict[int, Outcome] = {}
        waiting: dict[int, CheckedClip] = {}
        for number, row in enumerate(rows):
            checked = self._check(row)
            if isinstance(checked, Refused):
                outcomes[number] = checked
            else:
                waiting[number] = checked
        while waiting:
            now = _one_file_a_name(waiting)
            items = list(now.values())
            outcomes |= zip(now, self._write(items, self._read(items)), strict=True)
            waiting = {number: item for number, item in waiting.items() if number not in now}
        return [outcomes[number] for number in range(len(rows))]

    def _check(self, row: Row) -> CheckedClip | Refused:
        try:
            check_field_lengths(row, LENGTHS)
            category = find_label(row["label"], self._categories)
            verified = check_yes_no(row, "verified")
            check_code(row["group"])
            path, place = find_file(row["path"], self.root)
            return CheckedClip(
                path=path,
                name=_clip_name(place),
                category=category,
                came_verified=verified,
                code=row["group"],
                values={
                    **{column: check_text(row, column) for column in ("uploader", "title")},
                    "source_path": place,
                    "tags": _split_tags(check_text(row, "tags")),
                    "licence": check_licence(row["licence"], self._policy.licences),
                    "source_url": check_url(row["source_url"]),
                },
            )
        except RowRefusedError as error:
            return error.refused

    def _read(self, items: Sequence[CheckedClip]) -> dict[str, _Audio]:
        """Read each file once, whatever the number of its rows; of a known name only the checksum."""
        by_name = {item.name: item for item in reversed(items)}
        stored = Clip.objects.filter(dataset=self.dataset, name_key__in=list(map(name_key, by_name))).order_by()
        taken = set(map(folded_name, stored.values_list("name", flat=True)))
        requests = [
            ClipRequest(
                path=item.path,
                sample_rate_hz=self._policy.sample_rate_hz,
                dither=self._policy.dither,
                min_duration_s=self._policy.min_clip_s,
                max_duration_s=self._policy.max_clip_s,
                known=None if folded_name(name) in taken else (),
            )
            for name, item in by_name.items()
        ]
        audio = dict(zip(by_name, self.pool.map(take_clip, requests), strict=True))
        if any(isinstance(one, StoredClip) for one in audio.values()):
            make_audio_durable()
        return audio

    @transaction.atomic
    def _write(self, items: Sequence[CheckedClip], audio: dict[str, _Audio]) -> list[Outcome]:
        Dataset.objects.select_for_update(no_key=True).get(pk=self.dataset.pk)  # names and checksums stay free
        read = {name: one for name, one in audio.items() if not isinstance(one, Refused)}
        stored = StoredClips(self.dataset, read)
        outcomes = [self._judge(item, audio[item.name], stored) for item in items]
        self._create(stored)
        return outcomes

    def _judge(self, item: CheckedClip, audio: _Audio, stored: StoredClips) -> Outcome:
        if isinstance(audio, Refused):
            return audio
        sha256 = audio.sha256 if isinstance(audio, Known) else audio.original.sha256
        outcome = stored.match(item, sha256)
        if outcome is None:
            if isinstance(audio, Known):
                return Refused("changed_while_read", f"{item.name} changed while it was read. Import it again.")
            stored.add_clip(item, _clip(self.dataset, item, audio, self._policy.sample_rate_hz))
            return Accepted()
        return outcome

    def _create(self, stored: StoredClips) -> None:
        people = ensure_participants(
            dataset=self.dataset, codes=[item.code for item, _ in stored.new_clips], above=self._highest_number
        )
        for item, clip in stored.new_clips:
            clip.participant = people[item.code]
        Clip.objects.bulk_create(clip for _, clip in stored.new_clips)
        CandidateAnnotation.objects.bulk_create(
            CandidateAnnotation(
                dataset=self.dataset,
                clip=clip,
                category=item.category,
                source=AnnotationSource.IMPORT,
                came_verified=item.came_verified,
            )
            for item, clip in stored.new_annotations
        )


def _clip(dataset: Dataset, item: CheckedClip, audio: StoredClip, sample_rate_hz: int) -> Clip:
    return Clip(
        dataset=dataset,
        name=item.name,
        audio_key=audio.audio.key,
        sample_rate_hz=sample_rate_hz,
        frames=audio.audio.frames,
        duration_s=audio.audio.frames / sample_rate_hz,
        original_key=audio.original.key,
        original_sha256=audio.original.sha256,
        **audio.audio.measures,
        **item.values,
    )


def _one_file_a_name(waiting: Mapping[int, CheckedClip]) -> dict[int, CheckedClip]:
    """Return the rows of the first file of each clip name (``a.flac`` gives the same as ``a.wav`` or ``A.wav``)."""
    places: dict[str, str] = {}
    return {
        number: item
        for number, item in waiting.items()
        if places.setdefault(folded_name(item.name), item.values["source_path"]) == item.values["source_path"]
    }


def _clip_name(place: str) -> str:
    return str(PurePosixPath(place).with_suffix(".wav"))


def _split_tags(text: str) -> list[str]:
    parts = (part.strip() for part in text.split(";" if ";" in text else ","))
    tags = list(dict.fromkeys(part for part in parts if part))
    if len(tags) > MAX_TAGS:
        raise RowRefusedError("value_too_long", f"{len(tags)} tags; at most {MAX_TAGS} are kept.")
    longest = max(map(len, tags), default=0)
    if longest > MAX_TAG_CHARS:
        raise RowRefusedError("value_too_long", f"A tag has {longest} characters; at most {MAX_TAG_CHARS} are kept.")
    return tags
