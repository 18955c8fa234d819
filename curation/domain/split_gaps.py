"""What a split lacks: a part without anybody, a class that a part never holds.

The greedy rule puts a person into a part only if no class then exceeds its share there (CochlScene, section
III.B). With few people nobody may fit, which is right by the rule and of no use for training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.domain.greedy_split import Counts, class_table, greedy_split
from curation.domain.shares import Shares

NAMES = {"train": "training", "val": "validation", "test": "test"}
SHOWN_CLASSES = 5
TRIED = (("0.8", "0.1"), ("0.7", "0.15"), ("0.7", "0.2"), ("0.6", "0.2"), ("0.5", "0.25"), ("0.4", "0.3"))


def split_gaps(table: Mapping[str, Mapping[str, int]], shares: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each part that is empty or lacks classes.

    Parameters
    ----------
    table : mapping of str to mapping of str to int
        Clips by class and part (`train`, `val`, `test`).
    shares : mapping of str to str or float
        Most that training and validation may hold of each class; a part that may hold nothing lacks nothing.

    Returns
    -------
    list of str
        Empty if every part has every class.
    """
    terms = Shares.parse(shares["train"], shares["val"])
    wanted = {"train": terms.train, "val": terms.val, "test": 1 - terms.train - terms.val}
    gaps = []
    for part, share in wanted.items():
        if not share:
            continue
        missing = [name for name, clips in sorted(table.items()) if not clips.get(part, 0)]
        if not missing:
            continue
        if len(missing) == len(table):
            gaps.append(f"The {NAMES[part]} part is empty{_reason(part, share, table)}.")
        else:
            more = f" and {len(missing) - SHOWN_CLASSES} more" if len(missing) > SHOWN_CLASSES else ""
            named = ", ".join(missing[:SHOWN_CLASSES]) + more
            gaps.append(f"The {NAMES[part]} part has no clip of {named}.")
    return gaps


def helpful_shares(
    counts: Counts, *, sizes: NDArray[np.integer[Any]], codes: Sequence[str], shares: Shares
) -> Shares | None:
    """Return shares by which the same people fill every part, and which leave fewer classes out, if there are any.

    Parameters
    ----------
    counts, sizes, codes
        As `greedy_split` takes them.
    shares : Shares
        Those that the people were divided by.

    Returns
    -------
    Shares or None
        The best of a few, each tried; None if there is nothing to mend or none of them helps.
    """
    best, fewest = None, _holes(class_table(counts, greedy_split(counts, sizes=sizes, codes=codes, shares=shares)))
    for tried in (Shares.parse(train, val) for train, val in TRIED):
        table = class_table(counts, greedy_split(counts, sizes=sizes, codes=codes, shares=tried))
        if table.sum(axis=0).all() and _holes(table) < fewest:
            best, fewest = tried, _holes(table)
    return best


def remedy(shares: Shares | None = None) -> str:
    """Return what helps against gaps, given `helpful_shares`, as a sentence."""
    if shares is None:
        return "Collect from more people."
    terms = shares.to_document()
    return (
        f"Collect from more people, or split with other shares: --train {terms['train']} --val {terms['val']} "
        "(in a pipeline's configuration train and val under [split])."
    )


def _holes(table: NDArray[np.int64]) -> int:
    return int((table[table.any(axis=1)] == 0).sum())


def _reason(part: str, share: Fraction, table: Mapping[str, Mapping[str, int]]) -> str:
    """Say what is true of the greedy rule, which looks for training first and never asks for test."""
    if part == "test":
        return ""
    of_each = f"{float(100 * share):g}% of each class"
    if all(share * sum(clips.values()) < 1 for clips in table.values()):
        return f": {of_each} is less than a whole clip"
    people = "nobody's clips" if part == "train" else "of the people whom training left, nobody's clips"
    return f": {people} fit into {of_each}"
