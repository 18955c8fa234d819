"""Which rows of a manifest of any length may count: the memory of it lies on disk.

Every row becomes 32 bytes: 128 bits of its clip's name, its line, its participant and its class. They are
dealt into files by the name's bits, so that all rows of a clip lie in one file and each file can be sorted
by itself. Memory grows with participants x classes, and with one file's rows, not with clips.

Names are compared by 128 keyed bits (SipHash under the key this process drew): among 10^9 names two have
the same with a probability of about 10^-21.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

FILE_BYTES = 16 << 20  # of a manifest, for each file that its rows are dealt into
MOST_FILES = 200  # all are open at once
_RECORD = np.dtype([("high", "<u8"), ("low", "<u8"), ("line", "<i8"), ("participant", "<i4"), ("category", "<i4")])


class Verdict(IntEnum):
    """What a row is to its clip."""

    FIRST = 0  # the first row of the clip
    FURTHER = 1  # another class of the clip
    DUPLICATE = 2  # a class that the clip has already
    OTHER_PARTICIPANT = 3  # another participant than the clip's first row says


@dataclass(frozen=True)
class Findings:
    """What the rows of a manifest add up to; refused rows count nowhere.

    Attributes
    ----------
    verdicts : uint8 array on disk [shape=(lines,)]
        `Verdict` of the row that starts on each line.
    first_lines : int64 array on disk [shape=(lines,)]
        For a refused row, the line that it repeats or contradicts.
    counts : int64 sparse array [shape=(participants, classes)]
        Clips of each participant in each class.
    sizes : int64 array [shape=(participants,)]
        Clips of each participant.
    """

    verdicts: NDArray[np.uint8]
    first_lines: NDArray[np.int64]
    counts: sparse.csr_array
    sizes: NDArray[np.int64]


class ManifestClips:
    """The rows of a manifest, dealt into files; a context manager that keeps the files open.

    Parameters
    ----------
    folder : Path
        Where the files lie; whoever made it removes it.
    manifest_bytes : int
        Size of the manifest, which decides how many files there are.
    """

    def __init__(self, folder: Path, manifest_bytes: int) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self._files = [
            self._stack.enter_context((folder / f"rows-{number}").open("w+b"))
            for number in range(min(manifest_bytes // FILE_BYTES + 1, MOST_FILES))
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def add(
        self,
        *,
        lines: Sequence[int],
        clips: Sequence[str],
        participants: NDArray[np.int32],
        categories: NDArray[np.int32],
    ) -> None:
        """Remember rows; their lines ascend over all calls.

        Parameters
        ----------
        lines, clips : sequence [length rows]
            Line and clip of each row.
        participants, categories : int32 array [shape=(rows,)]
            Their numbers, from 0.
        """
        rows = np.empty(len(clips), dtype=_RECORD)
        rows["high"] = np.fromiter(map(hash, clips), np.int64, len(clips)).view(np.uint64)
        rows["low"] = np.fromiter(map(hash, map("\0".__add__, clips)), np.int64, len(clips)).view(np.uint64)
        rows["line"] = lines
        rows["participant"] = participants
        rows["category"] = categories
        number = (rows["high"] % np.uint64(len(self._files))).astype(np.uint8)
        order = np.argsort(number, kind="stable")
        bounds = np.searchsorted(number[order], np.arange(len(self._files) + 1))
        dealt = rows[order]
        for file, start, stop in zip(self._files, bounds, bounds[1:], strict=False):
            file.write(dealt[start:stop].tobytes())

    def find(self, *, participants: int, categories: int, lines: int) -> Findings:
        """Judge all rows.

        Parameters
        ----------
        participants, categories : int
            How many there are.
        lines : int
            Lines of the manifest, and one.

        Returns
        -------
        Findings
            Verdicts, and counts of the rows that may count.
        """
        findings = Findings(
            verdicts=np.memmap(self._folder / "verdicts", np.uint8, "w+", shape=(lines,)),
            first_lines=np.memmap(self._folder / "first-lines", np.int64, "w+", shape=(lines,)),
            counts=sparse.csr_array((participants, categories), dtype=np.int64),
            sizes=np.zeros(participants, dtype=np.int64),
        )
        counts = findings.counts
        for rows in self._dealt():
            verdicts, first_lines = _judge(rows)
            findings.verdicts[rows["line"]] = verdicts
            refused = verdicts >= Verdict.DUPLICATE
            findings.first_lines[rows["line"][refused]] = first_lines[refused]
            good = rows[~refused]
            pairs = (np.ones(len(good), dtype=np.int64), (good["participant"], good["category"]))
            counts = counts + sparse.coo_array(pairs, shape=counts.shape).tocsr()
            findings.sizes[:] += np.bincount(rows["participant"][verdicts == Verdict.FIRST], minlength=participants)
        return Findings(findings.verdicts, findings.first_lines, counts, findings.sizes)

    def _dealt(self) -> Iterator[NDArray[Any]]:
        for file in self._files:
            file.seek(0)
            yield np.frombuffer(file.read(), dtype=_RECORD)


def _judge(rows: NDArray[Any]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Judge all rows of some clips, given in the order of their lines."""
    verdicts = np.full(len(rows), Verdict.FIRST, dtype=np.uint8)
    first_lines = np.zeros(len(rows), dtype=np.int64)
    order = np.lexsort((rows["low"], rows["high"]))  # stable: lines stay in order within a clip
    clip, begins = _runs(rows["high"][order], rows["low"][order])
    if len(begins) == len(rows):
        return verdicts, first_lines
    first = order[begins][clip]  # for each row in order, the first row of its clip
    further = np.ones(len(rows), dtype=bool)
    further[begins] = False
    verdicts[order[further]] = Verdict.FURTHER
    stranger = rows["participant"][order] != rows["participant"][first]
    verdicts[order[stranger]] = Verdict.OTHER_PARTICIPANT
    first_lines[order[stranger]] = rows["line"][first[stranger]]

    own, own_clip = order[~stranger], clip[~stranger]
    by_category = np.lexsort((rows["category"][own], own_clip))
    pair, begins = _runs(own_clip[by_category], rows["category"][own][by_category])
    repeated = np.ones(len(own), dtype=bool)
    repeated[begins] = False
    again = own[by_category]
    verdicts[again[repeated]] = Verdict.DUPLICATE
    first_lines[again[repeated]] = rows["line"][again[begins][pair][repeated]]
    return verdicts, first_lines


def _runs(one: NDArray[Any], other: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return, for each place, the number of its run of equal pairs, and for each run its first place."""
    starts = np.ones(len(one), dtype=bool)
    starts[1:] = (one[1:] != one[:-1]) | (other[1:] != other[:-1])
    return np.cumsum(starts) - 1, np.flatnonzero(starts)
