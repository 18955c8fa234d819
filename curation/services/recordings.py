"""Importing recordings: each row of a manifest becomes a submission with its untouched original.

Files are copied, hashed and probed first, outside any transaction; then the rows of a batch are written in
one. A row is the same row again if its submission id and its bytes are known, or, where the manifest
gives no ids, its path and its bytes; such a row must then say the same as before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from posixpath import normpath
from typing import Any

from django.db import transaction
from django.utils import timezone

from curation.domain.naming import SUBMISSION_ID
from curation.domain.progress import Progress, no_progress
from curation.models import Category, CollectionTask, Dataset, Participant, Submission, SubmissionState
from curation.selectors.categories import CategoryIndex
from curation.selectors.policies import current_policy
from curation.services.audio_intake import Known, RecordingRequest, StoredRecording, take_recording
from curation.services.audio_store import make_audio_durable
from curation.services.manifest_fields import check_licence, check_text, check_time, check_url, find_file, find_label
from curation.services.participants import check_code, ensure_participants, numbered
from curation.services.recording_match import CheckedRecording, StoredSubmissions
from curation.services.row_import import (
    Accepted,
    ImportReport,
    Outcome,
    Refused,
    Row,
    RowRefusedError,
    Unchanged,
    check_field_lengths,
    import_rows,
)
from curation.services.submission_ids import FreeSubmissionIds
from curation.services.submissions import SubmissionDecision, settle_submissions
from curation.services.worker_pool import AudioWorkers

WRITE_ROWS = 100  # files that are read before their rows are written; what a crash makes read again
_Read = tuple[CheckedRecording, StoredRecording | Known | Refused]
RECORDING_COLUMNS = ("path", "category", "participant")  # that a manifest must have
LENGTHS = {"path": 255, "device": 120, "city": 120, "licence": 64, "source_url": 500, "title": 300}


def import_recordings(
    *,
    dataset: Dataset,
    path: Path,
    audio_root: Path | None = None,
    accepted: bool = False,
    known_participants: bool = False,
    workers: int = 1,
    progress: Progress = no_progress,
) -> ImportReport:
    """Import a manifest of recordings.

    Parameters
    ----------
    dataset : Dataset
        Where the submissions belong.
    path : Path
        CSV with path, category, participant and optional submission, device, city, recorded_at, licence,
        source_url, title.
    audio_root : Path, optional
        Folder outside which no file is read; the manifest's where absent.
    accepted : bool
        Accept the submissions, also those imported before that nobody has decided.
    known_participants : bool
        Refuse participants that the dataset does not have instead of making them.
    workers : int
        Processes that read audio.
    progress : Progress
        Told the lines done.

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
        importer = _RecordingImporter(
            dataset=dataset,
            root=(audio_root or path.parent).resolve(),
            accepted=accepted,
            known_participants=known_participants,
            pool=pool,
            progress=progress,
        )
        return import_rows(dataset=dataset, path=path, importer=importer, progress=progress)


@dataclass(kw_only=True)
class _RecordingImporter:
    """Rows of recordings; see `curation.services.row_import.Importer`."""

    dataset: Dataset
    root: Path
    accepted: bool
    known_participants: bool
    pool: AudioWorkers
    progress: Progress
    kind: str = "recordings"
    required: Sequence[str] = RECORDING_COLUMNS
    optional: Sequence[str] = ("submission", "device", "city", "recorded_at", "licence", "source_url", "title")
    _highest_number: int = 0
    _tasks: dict[int, CollectionTask] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._policy = current_policy(self.dataset)
        self._categories = CategoryIndex(self.dataset)
        self._free_ids = FreeSubmissionIds(self.dataset)

    def identity(self, row: Row) -> tuple[str, ...]:
        """Return the submission id where the manifest gives one, else the path."""
        return ("submission", row["submission"]) if row["submission"] else ("path", normpath(row["path"]))

    def look(self, row: Row) -> None:
        """Keep the ids and numbers that rows give from being drawn for others."""
        self._free_ids.avoid(row["submission"])
        self._highest_number = max(self._highest_number, numbered(row["participant"]))

    def take(self, rows: Sequence[Row]) -> Sequence[Outcome]:
        """Read the files and store the submissions of good rows."""
        outcomes: list[Outcome] = []
        for start in range(0, len(rows), WRITE_ROWS):
            batch = rows[start : start + WRITE_ROWS]
            outcomes += self._take_batch(batch)
            self.progress(batch[-1].line - 1, None)
        return outcomes

    def _take_batch(self, rows: Sequence[Row]) -> list[Outcome]:
        checked = self._check(rows)
        good = [item for item in checked if isinstance(item, CheckedRecording)]
        taken = list(self.pool.map(take_recording, self._requests(good)))
        if any(isinstance(audio, StoredRecording) for audio in taken):
            make_audio_durable()
        audio = iter(taken)
        return self._write([item if isinstance(item, Refused) else (item, next(audio)) for item in checked])

    # --- before the audio is read

    def _check(self, rows: Sequence[Row]) -> list[CheckedRecording | Refused]:
        codes = {row["participant"] for row in rows} if self.known_participants else set()
        known = set(Participant.objects.filter(dataset=self.dataset, code__in=codes).values_list("code", flat=True))
        checked: list[CheckedRecording | Refused] = []
        for row in rows:
            try:
                checked.append(self._check_row(row, known))
            except RowRefusedError as error:
                checked.append(error.refused)
        return checked

    def _check_row(self, row: Row, known_codes: set[str]) -> CheckedRecording:
        check_field_lengths(row, LENGTHS)
        category = find_label(row["category"], self._categories)
        check_code(row["participant"])
        if self.known_participants and row["participant"] not in known_codes:
            detail = f"The dataset has no participant {row['participant']!r}. Mend the code, or leave the option out."
            raise RowRefusedError("unknown_participant", detail)
        if row["submission"] and not SUBMISSION_ID.fullmatch(row["submission"]):
            detail = f"{row['submission']!r}: an id has 1 to 64 letters, digits and hyphens (A-Z, a-z, 0-9, -)."
            raise RowRefusedError("bad_submission", detail)
        path, name = find_file(row["path"], self.root)
        return CheckedRecording(
            row=row,
            path=path,
            name=name,
            category=category,
            code=row["participant"],
            submission_id=row["submission"],
            values={
                **{column: check_text(row, column) for column in ("device", "city", "title")},
                "recorded_at": check_time(row["recorded_at"]),
                "licence": check_licence(row["licence"], self._policy.policy.licences),
                "source_url": check_url(row["source_url"]),
            },
        )

    def _requests(self, items: Sequence[CheckedRecording]) -> list[RecordingRequest]:
        """Ask for the checksum alone where the id is known; where the path is, only new bytes are read whole."""
        stored = Submission.objects.filter(dataset=self.dataset)
        ids = set(
            stored.filter(external_id__in=[item.submission_id for item in items]).values_list("external_id", flat=True)
        )
        by_name: defaultdict[str, set[str]] = defaultdict(set)
        names = stored.filter(original_name__in=[item.name for item in items])
        for name, sha256 in names.values_list("original_name", "original_sha256"):
            by_name[name].add(sha256)
        return [
            RecordingRequest(
                path=item.path,
                max_duration_s=self._policy.policy.max_recording_s,
                known=None if item.submission_id in ids else frozenset(by_name.get(item.name, ())),
            )
            for item in items
        ]

    # --- after the audio is read

    @transaction.atomic
    def _write(self, read: Sequence[Refused | _Read]) -> list[Outcome]:
        Dataset.objects.select_for_update(no_key=True).get(pk=self.dataset.pk)  # ids and checksums stay free
        found = [item for item in read if not isinstance(item, Refused)]
        ids = [item.submission_id for item, _ in found if item.submission_id]
        checksums = [_sha256(audio) for _, audio in found if not isinstance(audio, Refused)]
        stored = StoredSubmissions(self.dataset, ids, checksums)
        outcomes: list[Outcome] = []
        new: list[tuple[CheckedRecording, StoredRecording]] = []
        settle: list[int] = []
        for item in read:
            outcome = item if isinstance(item, Refused) else self._judge(*item, stored, settle)
            if not isinstance(outcome, Outcome):
                new.append(outcome)
                stored.expect(outcome[0], _sha256(outcome[1]))
                outcome = Accepted()
            outcomes.append(outcome)
        self._create(new)
        settle_submissions(dataset=self.dataset, decisions=dict.fromkeys(settle, self._decision()))
        return outcomes

    def _judge(
        self,
        item: CheckedRecording,
        audio: StoredRecording | Known | Refused,
        stored: StoredSubmissions,
        settle: list[int],
    ) -> Outcome | tuple[CheckedRecording, StoredRecording]:
        if isinstance(audio, Refused):
            return audio
        match = stored.match(item, _sha256(audio))
        if isinstance(match, Refused):
            return match
        if match is None:
            if isinstance(audio, Known):
                return Refused("changed_while_read", f"{item.name} changed while it was read. Import it again.")
            return item, audio
        if self.accepted and match.state == SubmissionState.UNDECIDED:
            settle.append(match.pk)
            return Accepted()
        return Unchanged()

    def _decision(self) -> SubmissionDecision:
        return SubmissionDecision(state=SubmissionState.ACCEPTED, by="import", policy_version=self._policy.version)

    def _create(self, new: Sequence[tuple[CheckedRecording, StoredRecording]]) -> None:
        people = ensure_participants(
            dataset=self.dataset, codes=[item.code for item, _ in new], above=self._highest_number
        )
        tasks = self._ensure_tasks([item.category for item, _ in new])
        given = {item.submission_id for item, _ in new if item.submission_id}
        free_ids = self._free_ids.draw(sum(not item.submission_id for item, _ in new), given)
        decided: dict[str, Any] = {}
        if self.accepted:
            decision = self._decision()
            decided = {"state": decision.state, "decision": decision.to_document(), "decided_at": timezone.now()}
        Submission.objects.bulk_create(
            Submission(
                dataset=self.dataset,
                task=tasks[item.category.pk],
                participant=people[item.code],
                external_id=item.submission_id or next(free_ids),
                original_key=audio.original.key,
                original_name=item.name,
                original_sha256=audio.original.sha256,
                original_bytes=audio.original.bytes,
                container=audio.info.container,
                encoding=audio.info.encoding,
                sample_rate_hz=audio.info.sample_rate_hz,
                channels=audio.info.channels,
                frames=audio.info.frames,
                duration_s=audio.info.duration_s,
                **item.values,
                **decided,
            )
            for item, audio in new
        )

    def _ensure_tasks(self, categories: Sequence[Category]) -> dict[int, CollectionTask]:
        """Return each category's first task, made with the category's name where there is none."""
        missing = {category.pk: category for category in categories if category.pk not in self._tasks}
        if missing:
            tasks = CollectionTask.objects.filter(dataset=self.dataset, category__in=missing)
            for task in tasks.order_by("-pk"):
                self._tasks[task.category_id] = task
            made = CollectionTask.objects.bulk_create(
                CollectionTask(dataset=self.dataset, category=category, title=category.name)
                for pk, category in missing.items()
                if pk not in self._tasks
            )
            self._tasks |= {task.category_id: task for task in made}
        return self._tasks


def _sha256(audio: StoredRecording | Known) -> str:
    return audio.sha256 if isinstance(audio, Known) else audio.original.sha256
