"""The participant-aware greedy split of CochlScene.

People record in series, so clips of one person resemble each other: a person whose clips stand in both
training and test makes the test easy. CochlScene therefore divides people, not clips. People are taken in
descending order of their number of clips; a person goes to training if no class would then hold more than
80 % of its clips, and the walk goes on to the last person; the same is done for validation with 10 % among
those left, and the rest is the test set. That many people are in test is an aim of the paper (III.B), not
a property of the rule: in table I test has 290 people and training 423, and somebody with more clips of a
class than the limits allow goes to test alone.

What the paper says and what its table I shows agree as follows. Every class keeps the limits in *files*:
training holds 79.91 % to 80.00 % and validation 9.91 % to 9.99 % of a class, at most 5 files below the
limit, and Car reaches it exactly (4,676 of 5,845). The limits were not meant in *submissions*, as the
numbers in brackets show: Bus, Cafe, Car and SubwayStation have 80.1 % to 80.2 % of theirs in training. The
column sums agree with the totals (423 + 118 + 290 = 831 people). "If any class did not exceed" is read as
"if no class would exceed", the only reading with which the table agrees.

The paper leaves open who comes first among people with equally many clips (here the code decides) and
clips with several classes, which CochlScene has not (here a class counts its clips, a person's size counts
each clip once). A class of which every person holds more than the limits allow goes to test whole. Somebody
without any class fits into every part but one that may hold nothing.

References
----------
.. [1] I.-Y. Jeong and J. Park, "CochlScene: Acquisition of acoustic scene data using crowdsourcing",
   2022, section III.B and table I.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from curation.domain.shares import Shares

PARTS = ("train", "val", "test")  # a part's number is its place here
TRAIN, VAL, TEST = range(3)
Counts = NDArray[np.integer[Any]] | sparse.csr_array


def greedy_split(
    counts: Counts, *, sizes: NDArray[np.integer[Any]], codes: Sequence[str], shares: Shares
) -> NDArray[np.int8]:
    """Divide participants into training, validation and test.

    Parameters
    ----------
    counts : integer array or sparse array [shape=(participants, classes)]
        Clips of each participant in each class.
    sizes : integer array [shape=(participants,)]
        Clips of each participant, whatever their classes.
    codes : sequence of str [length participants]
        Names that break ties, by code point; they must differ for the result to be independent of the order
        of the rows.
    shares : Shares
        Most that training and validation may hold of each class.

    Returns
    -------
    int8 array [shape=(participants,)]
        Index into `PARTS` of each participant.

    Raises
    ------
    ValueError
        If the shapes do not fit each other or a count or size is negative or not an integer.

    Notes
    -----
    Limits are whole clips: ``floor(share * clips of the class)`` in exact arithmetic. Time and memory grow
    with the stored entries of `counts`, not with clips.

    References
    ----------
    CochlScene, section III.B.
    """
    matrix = _checked(counts, sizes, codes)
    totals = [int(total) for total in matrix.sum(axis=0)]
    order = sorted(range(len(codes)), key=lambda row: (-int(sizes[row]), codes[row]))
    part = np.full(len(codes), TEST, dtype=np.int8)
    for target, share in ((TRAIN, shares.train), (VAL, shares.val)):
        if not share:
            continue  # a part that is not wanted stays empty, of people without a class too
        room = np.array([share.numerator * total // share.denominator for total in totals], dtype=np.int64)
        taken = _fill(matrix, order, room)
        part[taken] = target
        order = [row for row in order if part[row] == TEST]
    return part


def class_table(counts: Counts, part: NDArray[np.int8]) -> NDArray[np.int64]:
    """Count clips by class and part.

    Parameters
    ----------
    counts : integer array or sparse array [shape=(participants, classes)]
        Clips of each participant in each class.
    part : int8 array [shape=(participants,)]
        Part of each participant.

    Returns
    -------
    int64 array [shape=(classes, 3)]
        Clips in training, validation and test.
    """
    rows = np.arange(len(part))
    membership = sparse.csr_array(
        (np.ones(len(part), dtype=np.int64), (part.astype(np.int64), rows)), shape=(len(PARTS), len(part))
    )
    table = (membership @ sparse.csr_array(counts)).toarray()
    return np.ascontiguousarray(table.T, dtype=np.int64)


def _checked(counts: Counts, sizes: NDArray[np.integer[Any]], codes: Sequence[str]) -> sparse.csr_array:
    matrix = sparse.csr_array(counts)
    if matrix.shape != (len(codes), *counts.shape[1:]) or sizes.shape != (len(codes),):
        message = (
            f"counts {counts.shape}, sizes {sizes.shape}, {len(codes)} codes: expected one row, size and code each."
        )
        raise ValueError(message)
    for name, numbers in (("counts", matrix.data), ("sizes", sizes)):
        if not np.issubdtype(numbers.dtype, np.integer):
            message = f"{name} of {numbers.dtype}: expected integers."
            raise ValueError(message)
        if numbers.size and numbers.min() < 0:
            message = f"{name} has {numbers.min()}: expected no negative number."
            raise ValueError(message)
    matrix = matrix.astype(np.int64)
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    return matrix


def _fill(matrix: sparse.csr_array, order: Sequence[int], room: NDArray[np.int64]) -> list[int]:
    """Return the rows, in order, that fit into what those before them left of `room`, which is used up."""
    bounds, classes, clips = matrix.indptr.tolist(), matrix.indices, matrix.data
    taken = []
    for row in order:
        entries = slice(bounds[row], bounds[row + 1])
        columns = classes[entries]
        left = room[columns] - clips[entries]
        if not left.size or left.min() >= 0:
            room[columns] = left
            taken.append(row)
    return taken
