"""Exporting a dataset, and freezing an export as a release.

An export is a function of the rows: the same rows give the same bytes. A release stores the checksum of
every file; exporting its version again gives these bytes or says what changed, and writes nothing then.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

from django.core.files.storage import storages

from curation.audio.wav import wav_header
from curation.domain.progress import Progress, no_progress
from curation.domain.split_gaps import remedy, split_gaps
from curation.exports.archive import BLOCK_BYTES, Archive, archive_for
from curation.exports.contents import AudioFile, ExportContents, ExportPlan, gather
from curation.exports.errors import ExportError
from curation.exports.previous import PreviousExport, previous_export
from curation.exports.readme import SplitFacts
from curation.models import Dataset, DatasetPolicy, Release, Split, User
from curation.selectors.policies import current_policy
from curation.selectors.snapshots import read_snapshot
from curation.selectors.splits import latest_split, subset_by_participant
from curation.services.releases import check_documents, find_release, publish_release
from curation.services.splits import SplitError, make_split


@dataclass(frozen=True, kw_only=True)
class ExportReport:
    """What was exported.

    Attributes
    ----------
    clips, excluded : int
        Clips in the export and clips left out.
    files, bytes : int
        Files and their lengths together.
    split : int
        Number of the split.
    unchanged : bool
        True if the very same export stood there already and nothing was written.
    gaps : tuple of str
        What the split lacks; see `curation.domain.split_gaps`.
    """

    target: Path
    clips: int
    excluded: int
    files: int
    bytes: int
    split: int
    version: str
    unchanged: bool
    gaps: tuple[str, ...] = ()

    def summary(self) -> str:
        """Return lines for a terminal: one, and one for each gap of the split."""
        what = f"{self.clips} clips, {self.excluded} left out, {self.bytes / 1e6:,.1f} MB, split {self.split}"
        release = f", release {self.version}" if self.version else ""
        done = "stands there already" if self.unchanged else "written"
        mind = [f"Mind: {gap}" for gap in self.gaps] + ([remedy()] if self.gaps else [])
        return "\n".join([f"{self.target} {done}: {what}{release}", *mind])


def export_dataset(
    *,
    dataset: Dataset,
    target: Path,
    split_number: int | None = None,
    version: str = "",
    created_by: User | None = None,
    progress: Progress = no_progress,
) -> ExportReport:
    """Write a dataset to a folder or a ZIP file.

    Parameters
    ----------
    dataset : Dataset
        What is exported.
    target : Path
        A name that ends in ``.zip``, or a folder. An earlier export there is replaced, but not another release.
    split_number : int, optional
        The split to follow, even if clips came since; the latest where absent, made now if there is none.
    version : str, optional
        Freeze the export as this release, or reproduce the release.
    created_by : User, optional
        Who releases.
    progress : Progress
        Told the clips written.

    Returns
    -------
    ExportReport
        What stands at `target` now.

    Raises
    ------
    ExportError
        If it cannot be made or would differ from the release of that version; nothing is written then.
    """
    release = find_release(dataset, version)
    previous = previous_export(target, dataset.slug, version)
    if release is None and split_number is None:
        _ensure_split(dataset)
    with read_snapshot():
        split, policy = _frozen(release, split_number) if release else _current(dataset, split_number)
        contents = gather(_plan(dataset, policy, split, version))
    with contents:
        if release:
            check_documents(release, contents)
        elif split_number is None:
            _check_split(split, contents)
        unchanged = _stands_already(previous, contents, release, version, progress)
        if not unchanged:
            with archive_for(target) as archive:
                _write(archive, contents, progress)
                if version:
                    publish_release(
                        archive=archive,
                        release=release,
                        dataset=dataset,
                        version=version,
                        policy=policy,
                        split=split,
                        created_by=created_by,
                    )
                else:
                    archive.publish()
        return _report(target, contents, split, version, unchanged=unchanged)


def _ensure_split(dataset: Dataset) -> None:
    if latest_split(dataset) is None:
        try:
            make_split(dataset=dataset)
        except SplitError as error:
            raise ExportError(str(error)) from error


def _frozen(release: Release, split_number: int | None) -> tuple[Split, DatasetPolicy]:
    if split_number not in {None, release.split.number}:
        message = (
            f"Release {release.version} follows split {release.split.number}, not {split_number}. "
            "Leave --split out, or give the release another version."
        )
        raise ExportError(message)
    return release.split, release.policy


def _current(dataset: Dataset, split_number: int | None) -> tuple[Split, DatasetPolicy]:
    policy = current_policy(dataset)
    if split_number is not None:
        split = Split.objects.filter(dataset=dataset, number=split_number).first()
        if split is None:
            numbers = ", ".join(map(str, Split.objects.filter(dataset=dataset).values_list("number", flat=True)))
            message = f"{dataset}: there is no split {split_number} (there are: {numbers or 'none'})."
            raise ExportError(message)
        return split, policy
    split = latest_split(dataset)
    if split is None:
        message = f"{dataset}: the split was removed at this moment. Export again."
        raise ExportError(message)
    return split, policy


def _check_split(split: Split, contents: ExportContents) -> None:
    """Refuse to follow a split that was made from other rows, unless it was asked for by number."""
    if split.manifest_sha256 == contents.manifest_sha256:
        return
    left_out = contents.excluded["no_split"]
    who = f"; {left_out} clips are of participants whom it does not know" if left_out else ""
    message = (
        f"Split {split.number} was made from other rows than the dataset has now{who}. "
        f"Run `split` again, or export with --split {split.number} to follow it all the same."
    )
    raise ExportError(message)


def _stands_already(
    previous: PreviousExport | None, contents: ExportContents, release: Release | None, version: str, progress: Progress
) -> bool:
    """Return whether nothing has to be written; a version that is no release yet always is."""
    if previous is None or (version and release is None):
        return False
    frozen = {path: sha256 for path, _, sha256 in release.manifest} if release else None
    return previous.holds(contents, frozen, progress=progress)


def _plan(dataset: Dataset, policy: DatasetPolicy, split: Split, version: str) -> ExportPlan:
    return ExportPlan(
        dataset=dataset,
        policy=policy.policy,
        policy_version=policy.version,
        split=SplitFacts(
            number=split.number,
            method=split.method,
            parameters=split.parameters,
            manifest_sha256=split.manifest_sha256,
        ),
        subsets=subset_by_participant(split),
        version=version,
    )


def _write(archive: Archive, contents: ExportContents, progress: Progress) -> None:
    """Write documents and audio in the order of their paths, the checksums last."""
    needed = sum(document.bytes for document in contents.documents.values())
    needed += sum(file.bytes for file in contents.audio)
    free = shutil.disk_usage(archive.target.parent).free
    if needed > free:
        message = f"{archive.target} needs {needed / 1e6:,.0f} MB and {free / 1e6:,.0f} MB are free. Make room first."
        raise ExportError(message)
    documents = [(name, document.bytes, document.blocks()) for name, document in contents.documents.items()]
    audio = [(file.path, file.bytes, _audio_blocks(file)) for file in contents.audio]
    done = 0
    for path, size, blocks in sorted([*documents, *audio], key=itemgetter(0)):
        archive.add(path, blocks, size=size)
        done += path not in contents.documents
        progress(done, len(audio))
    archive.add_checksums()


def _audio_blocks(file: AudioFile) -> Iterator[bytes]:
    header = wav_header(file.frames, file.sample_rate_hz)
    try:
        with storages["audio"].open(file.key, "rb") as stored:
            if stored.read(len(header)) != header:
                message = f"The audio of {file.path} is damaged in the storage ({file.key}): its header is another."
                raise ExportError(message)
            yield header
            while block := stored.read(BLOCK_BYTES):
                yield block
    except FileNotFoundError as error:
        message = f"The audio of {file.path} is missing from the storage ({file.key}). Restore it, then export again."
        raise ExportError(message) from error


def _report(target: Path, contents: ExportContents, split: Split, version: str, *, unchanged: bool) -> ExportReport:
    documents = sum(document.bytes for document in contents.documents.values())
    return ExportReport(
        target=target,
        clips=len(contents.audio),
        excluded=sum(contents.excluded.values()),
        files=len(contents.audio) + len(contents.documents) + 1,
        bytes=documents + sum(file.bytes for file in contents.audio),
        split=split.number,
        version=version,
        unchanged=unchanged,
        gaps=tuple(split_gaps(contents.counts.table(), split.parameters)),
    )
