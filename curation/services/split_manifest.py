"""Splitting a manifest file: rows in, parts out, no database.

For datasets that live elsewhere. The file is read twice: first to count and to find the rows that cannot
count, then, once the participants are divided, to write each clip's part in the order of the file.
"""

from __future__ import annotations

import csv
import os
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import compress
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from curation.domain.greedy_split import PARTS, class_table, greedy_split
from curation.domain.progress import Progress, no_progress
from curation.domain.shares import Shares
from curation.domain.split_gaps import helpful_shares, split_gaps
from curation.services.manifest_blocks import COLUMNS, Block, read_blocks
from curation.services.manifest_clips import Findings, ManifestClips, Verdict
from curation.services.row_import import Refused, RefusedRows, Row, UnusableFileError, refused_path_for

HEADER = ("clip", "split")


@dataclass
class ManifestSplit:
    """What became of a manifest.

    Attributes
    ----------
    clips : int
        Clips written.
    table : dict
        Clips by class and part, classes in alphabetical order.
    participants : dict
        Participants by part.
    refusals_by_reason : Counter
        Refused rows by reason.
    refused_path : Path or None
        Where they are listed.
    helpful : Shares or None
        Shares that would leave fewer gaps, if there are gaps and such shares.
    """

    clips: int = 0
    table: dict[str, dict[str, int]] = field(default_factory=dict)
    participants: dict[str, int] = field(default_factory=dict)
    refusals_by_reason: Counter[str] = field(default_factory=Counter)
    refused_path: Path | None = None
    helpful: Shares | None = None


class _Numbers(dict[str, int]):
    """Numbers names in the order in which they come."""

    def __missing__(self, name: str) -> int:
        number = self[name] = len(self)
        return number


def split_manifest(
    *, manifest: Path, out: Path, shares: Shares, progress: Progress = no_progress, refused_path: Path | None = None
) -> ManifestSplit:
    """Split the clips of a manifest by participant.

    Parameters
    ----------
    manifest : Path
        CSV with the columns clip, category and participant; others are ignored. A clip may have several
        rows with different categories, but one participant.
    out : Path
        CSV to write: clip and split (train, val or test), each clip once, in the order of the manifest.
    shares : Shares
        Most that training and validation may hold of each class.
    progress : Progress
        Told the bytes read, of two passes.
    refused_path : Path, optional
        Where refused rows are listed; beside the manifest otherwise.

    Returns
    -------
    ManifestSplit
        Counts, and where the refused rows are listed.

    Raises
    ------
    UnusableFileError
        If the manifest cannot be read or holds no usable row, or `out` cannot be written. `out` is then left
        as it was.

    References
    ----------
    CochlScene, section III.B; see `curation.domain.greedy_split`.
    """
    refused_path = refused_path or refused_path_for(manifest)
    _check_paths(manifest, out, refused_path)
    try:
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as folder:
            return _split(manifest, out, shares, progress, refused_path, Path(folder))
    except OSError as error:
        message = f"{error.filename or out}: {error.strerror}. The split needs room beside {out}."
        raise UnusableFileError(message) from error


def _check_paths(manifest: Path, out: Path, refused_path: Path) -> None:
    if not out.parent.is_dir():
        message = f"{out}: the folder {out.parent} does not exist. Make it first."
        raise UnusableFileError(message)
    if out.is_dir():
        message = f"{out} is a folder. Name a file for the split."
        raise UnusableFileError(message)
    for taken in (manifest, refused_path):
        if out.resolve() == taken.resolve():
            message = f"{out} is also the file {taken.name} of this run. Name another file for the split."
            raise UnusableFileError(message)


def _split(
    manifest: Path, out: Path, shares: Shares, progress: Progress, refused_path: Path, folder: Path
) -> ManifestSplit:
    if not manifest.is_file():
        message = f"{manifest}: there is no such file. Check the path."
        raise UnusableFileError(message)
    before = manifest.stat()
    participants, categories = _Numbers(), _Numbers()
    next_line = 2
    with ManifestClips(folder, before.st_size) as clips:
        for block in read_blocks(manifest):
            clips.add(
                lines=block.lines,
                clips=block.clips,
                participants=_numbered(participants, block.participants),
                categories=_numbered(categories, block.categories),
            )
            next_line = block.next_line
            progress(block.end_byte, 2 * before.st_size)
        findings = clips.find(participants=len(participants), categories=len(categories), lines=next_line)
    part = greedy_split(findings.counts, sizes=findings.sizes, codes=list(participants), shares=shares)
    result = ManifestSplit(
        clips=int(findings.sizes.sum()),
        table=_table(findings, list(categories), part),
        participants={name: int(((part == number) & (findings.sizes > 0)).sum()) for number, name in enumerate(PARTS)},
    )
    if split_gaps(result.table, shares.to_document()):
        result.helpful = helpful_shares(findings.counts, sizes=findings.sizes, codes=list(participants), shares=shares)
    names = dict(zip(participants, (PARTS[number] for number in part), strict=True))
    listed = RefusedRows(refused_path, COLUMNS)
    try:
        with (folder / "split.csv").open("w", encoding="utf-8", newline="") as file:
            file.write(",".join(HEADER) + "\n")
            for block in _blocks_again(manifest, before):
                _write_block(block, findings, names, file, listed, result)
                progress(before.st_size + block.end_byte, 2 * before.st_size)
    except BaseException:
        listed.discard()
        raise
    result.refused_path = listed.finish()
    if not result.clips:
        seen = f"all {listed.count} are refused, see {result.refused_path}" if listed.count else "it has none"
        message = f"{manifest}: no row can be used: {seen}."
        raise UnusableFileError(message)
    (folder / "split.csv").replace(out)
    return result


def _blocks_again(manifest: Path, before: os.stat_result) -> Iterator[Block]:
    """Read the blocks once more, as long as the file is what it was."""
    for block in read_blocks(manifest):
        _check_unchanged(manifest, before)
        yield block
    _check_unchanged(manifest, before)


def _numbered(numbers: _Numbers, names: Sequence[str]) -> NDArray[np.int32]:
    return np.fromiter(map(numbers.__getitem__, names), np.int32, len(names))


def _table(findings: Findings, categories: Sequence[str], part: NDArray[np.int8]) -> dict[str, dict[str, int]]:
    rows = zip(categories, class_table(findings.counts, part).tolist(), strict=True)
    return {name: dict(zip(PARTS, clips, strict=True)) for name, clips in sorted(rows) if sum(clips)}


def _check_unchanged(manifest: Path, before: os.stat_result) -> None:
    after = manifest.stat()
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        message = f"{manifest} changed while it was read. Split it again."
        raise UnusableFileError(message)


def _write_block(
    block: Block,
    findings: Findings,
    names: dict[str, str],
    file: TextIO,
    listed: RefusedRows,
    result: ManifestSplit,
) -> None:
    """Write the first row of each clip, and list the refused rows in the order of their lines."""
    lines = np.asarray(block.lines, dtype=np.int64)
    verdicts = findings.verdicts[lines]
    rows: Iterable[tuple[str, str]] = zip(block.clips, map(names.__getitem__, block.participants), strict=True)
    if verdicts.any():
        rows = compress(rows, (verdicts == Verdict.FIRST).tolist())
    if block.is_plain:
        file.writelines([f"{clip},{name}\n" for clip, name in rows])
    else:
        csv.writer(file, lineterminator="\n").writerows(rows)
    refused = list(block.refused)
    for place in np.flatnonzero(verdicts >= Verdict.DUPLICATE).tolist():
        values = dict(
            zip(COLUMNS, (block.clips[place], block.categories[place], block.participants[place]), strict=True)
        )
        row = Row(block.lines[place], values)
        refused.append((row, _refusal(Verdict(verdicts[place]), int(findings.first_lines[row.line]), row)))
    for row, reason in sorted(refused, key=lambda pair: pair[0].line):
        listed.add(row, reason)
        result.refusals_by_reason[reason.reason] += 1


def _refusal(verdict: Verdict, first_line: int, row: Row) -> Refused:
    if verdict == Verdict.DUPLICATE:
        return Refused("duplicate_row", f"Line {first_line} says the same.")
    detail = f"Line {first_line} gives the clip {row['clip']!r} to another participant; the first counts."
    return Refused("other_participant", detail)
