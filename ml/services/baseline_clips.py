"""The clips of a baseline: who is trained on, who stops the training, who is tested.

They come from the latest split of a dataset, or from a file with the columns ``clip`` (path under the audio root),
``split`` (train, val, test) and ``label``, which needs no database. A baseline knows one label a clip, as CochlScene
and FSDKaggle2018 do; of a dataset, clips of several classes, of none that may be released and of people whom the split
does not know are left out and counted. A file is used whole or not at all: all of its faults are told at once.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from curation.audio.errors import AudioRefusedError
from curation.audio.file_bytes import open_regular
from curation.audio.header import read_header
from curation.models import Dataset, Subset
from curation.selectors.exports import ExportClip, export_clips
from curation.selectors.snapshots import read_snapshot
from curation.selectors.splits import latest_split, subset_by_participant
from curation.services.audio_store import local_copy
from curation.services.csv_rows import Refused, Row, UnusableFileError, read_rows, scan_file

PARTS = tuple(str(subset.value) for subset in Subset)  # train, val, test
COLUMNS = ("clip", "split", "label")
TOLD_FAULTS = 20  # of a file; the rest are counted
LONGEST_S = 6 * 3600.0


@dataclass(frozen=True, kw_only=True)
class BaselineClip:
    """A clip with one label.

    Attributes
    ----------
    name : str
        Its name in the file or the dataset.
    part : {"train", "val", "test"}
        Part of the split.
    label : str
        Name of its class.
    audio : callable
        Gives its audio a path for the length of a ``with`` block.
    """

    name: str
    part: str
    label: str
    audio: Callable[[], AbstractContextManager[Path]]


@dataclass(frozen=True, kw_only=True)
class BaselineClips:
    """All clips of a baseline.

    Attributes
    ----------
    clips : tuple of BaselineClip
        In the order of their names, or of the file.
    source : mapping
        Where they come from, for the report.
    left_out : mapping of str to int
        Clips that a baseline cannot use, by reason.
    """

    clips: tuple[BaselineClip, ...]
    source: Mapping[str, Any]
    left_out: Mapping[str, int]

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, sorted."""
        return tuple(sorted({clip.label for clip in self.clips}))

    def numbers(self, part: str) -> list[int]:
        """Return the places of a part's clips among all."""
        return [number for number, clip in enumerate(self.clips) if clip.part == part]


def clips_of_dataset(dataset: Dataset) -> BaselineClips:
    """Read the clips of a dataset as its latest split divides them.

    Parameters
    ----------
    dataset : Dataset
        Whose clips.

    Returns
    -------
    BaselineClips
        Those with exactly one class that may be released.

    Raises
    ------
    ValueError
        If there is no split.
    """
    clips: list[BaselineClip] = []
    left_out: Counter[str] = Counter()
    with read_snapshot():
        split = latest_split(dataset)
        if split is None:
            message = f"{dataset} has no split. Run `manage.py split --dataset {dataset.slug}` first."
            raise ValueError(message)
        for clip in export_clips(dataset, subset_by_participant(split)):
            reason = _unusable(clip)
            if reason:
                left_out[reason] += 1
                continue
            clips.append(
                BaselineClip(
                    name=clip.name,
                    part=clip.subset,
                    label=clip.released[0].category,
                    audio=partial(local_copy, clip.audio_key),
                )
            )
    source = {"dataset": dataset.slug, "split": split.number, "manifest_sha256": split.manifest_sha256}
    return BaselineClips(clips=tuple(clips), source=source, left_out=dict(sorted(left_out.items())))


def clips_of_manifest(path: Path, *, audio_root: Path) -> BaselineClips:
    """Read the clips that a file names, and the header of each recording.

    Parameters
    ----------
    path : Path
        The CSV file.
    audio_root : Path
        Folder under which the clips lie.

    Returns
    -------
    BaselineClips
        The rows in their order.

    Raises
    ------
    UnusableFileError
        With all that is wrong, line by line.
    """
    if not audio_root.is_dir():
        message = f"{audio_root}: there is no such folder. Name the one that the clips' paths start from."
        raise UnusableFileError(message)
    scan_file(path)
    clips: dict[str, BaselineClip] = {}
    faults: list[str] = []
    for item in read_rows(path, required=COLUMNS, optional=()):
        row, refused = item if isinstance(item, tuple) else (item, None)
        fault = refused.detail if isinstance(refused, Refused) else _fault(row, audio_root)
        if fault is None and row["clip"] in clips:
            fault = f"{row['clip']} stands there already; remove one of the two."
        if fault is not None:
            faults.append(f"line {row.line}: {fault}")
            continue
        clips[row["clip"]] = BaselineClip(
            name=row["clip"], part=row["split"], label=row["label"], audio=partial(_on_disk, audio_root / row["clip"])
        )
    if faults:
        told = "\n  ".join(faults[:TOLD_FAULTS])
        more = f"\n  and {len(faults) - TOLD_FAULTS} more" if len(faults) > TOLD_FAULTS else ""
        message = f"{path}: {len(faults)} rows cannot be used.\n  {told}{more}"
        raise UnusableFileError(message)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return BaselineClips(
        clips=tuple(clips.values()), source={"manifest": path.name, "manifest_sha256": digest}, left_out={}
    )


def _on_disk(path: Path) -> AbstractContextManager[Path]:
    return nullcontext(path)


def _unusable(clip: ExportClip) -> str:
    """Return why a clip stays out, or nothing."""
    if not clip.subset:
        return "no_split"
    if not clip.released:
        return "no_class"
    return "several_classes" if len(clip.released) > 1 else ""


def _fault(row: Row, audio_root: Path) -> str | None:
    for column in COLUMNS:
        if not row[column]:
            return f"{column} is empty; each row needs one."
    if row["split"] not in PARTS:
        return f"split is {row['split']!r}; expected {', '.join(PARTS[:-1])} or {PARTS[-1]}."
    path = audio_root / row["clip"]
    if not path.resolve().is_relative_to(audio_root.resolve()):
        return f"clip {row['clip']!r} lies outside the audio root; give a path under it."
    try:
        with open_regular(path) as source:
            read_header(source, max_duration_s=LONGEST_S)
    except AudioRefusedError as error:
        return f"clip {row['clip']!r}: {error.detail}"
    return None
