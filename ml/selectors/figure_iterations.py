"""Nguyen's table 2 with a bar in each row: at which position predictions name the given labels, iteration by iteration.

References
----------
T. N. T. Nguyen et al., "DCASE 2018 task 2: iterative training, label smoothing, and background noise normalization for
audio event tagging", DCASE 2018, table 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ml.selectors.figure_geometry import percent

PARTS = ("correct_1st", "correct_2nd", "correct_3rd", "incorrect", "without_label")
# What only some recipes tell, in this order.
EXTRAS = ("relabelled", "expected_wrong", "temperature", "validation_loss", "strangers")


@dataclass(frozen=True, kw_only=True)
class BarPart:
    """A part of a bar: its name, where it begins and how wide it is, in percent, and how many clips it stands for."""

    name: str
    x: str
    width: str
    clips: int


@dataclass(frozen=True, kw_only=True)
class IterationLine:
    """One iteration.

    Attributes
    ----------
    row : dict
        As `ml.selectors.run_figures.iteration_table` returns it, with None for those of `EXTRAS` that it lacks.
    parts : list of BarPart
        Its non-verified clips by the position of their given label; those without clips are left out.
    clips : int
        Its non-verified clips.
    """

    row: dict[str, Any]
    parts: list[BarPart]
    clips: int


@dataclass(frozen=True, kw_only=True)
class IterationTable:
    """All iterations, and which of the further columns any of them fills.

    Attributes
    ----------
    lines : list of IterationLine
        In order.
    has : dict of str to bool
        Whether a column of `PARTS` or `EXTRAS` holds anything.
    """

    lines: list[IterationLine]
    has: dict[str, bool]


def iteration_figure(rows: Sequence[dict[str, Any]]) -> IterationTable:
    """Draw the iterations of a run.

    Parameters
    ----------
    rows : sequence of dict
        As `ml.selectors.run_figures.iteration_table` returns them.
    """
    has = {name: any(row.get(name) for row in rows) for name in PARTS}
    has |= {name: any(row.get(name) is not None for row in rows) for name in EXTRAS}
    return IterationTable(lines=[_line(row) for row in rows], has=has)


def _line(row: dict[str, Any]) -> IterationLine:
    clips = sum(row.get(name, 0) for name in PARTS)
    parts, begin = [], 0
    for name in PARTS:
        count = row.get(name, 0)
        if count:
            parts.append(BarPart(name=name, x=percent(begin / clips), width=percent(count / clips), clips=count))
        begin += count
    return IterationLine(row={**dict.fromkeys(EXTRAS), **row}, parts=parts, clips=clips)
