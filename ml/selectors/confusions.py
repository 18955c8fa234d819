"""What a run takes for what: two matrices of a finished run, cut to what a page can show.

The first compares what people verified with what networks heard that were not taught by the same group: how far the
ensemble can be trusted with a class. The second compares given labels with those that the run would give: which
mistakes it suspects. A page shows at most `MOST_CLASSES` classes, those of the most frequent mistakes, and these also
as a list, since nobody finds them in a table of many columns.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ml.models import VerificationRun

MOST_CLASSES = 40
MOST_MIXUPS = 10
_LEVELS = 10  # of heat


@dataclass(frozen=True, kw_only=True)
class ConfusionCell:
    """Labels of one class that are taken for another: how many, which share of the class, and heat from 0 to 10.

    Heat is the square root of the share: mistakes are few beside what is right, and would have none.
    """

    labels: int
    share: float
    level: int
    right: bool


@dataclass(frozen=True, kw_only=True)
class ConfusionRow:
    """One class: its cells, one for each class that is shown, and what is taken for any other.

    Attributes
    ----------
    name : str
        The class.
    labels : int
        Its labels.
    cells : list of ConfusionCell
        In the order of the columns.
    elsewhere : int
        Labels taken for classes that are not shown, or in cells that were not kept.
    """

    name: str
    labels: int
    cells: list[ConfusionCell]
    elsewhere: int


@dataclass(frozen=True, kw_only=True)
class Mixup:
    """Labels of one class, `labels` of `of`, that are taken for another."""

    name: str
    taken_for: str
    labels: int
    of: int


@dataclass(frozen=True)
class Confusion:
    """Labels by two classes.

    Attributes
    ----------
    classes : tuple of str [length K]
        Names, in the order of rows and columns.
    cells : sequence of [row, column, count]
        Cells that are not zero, as `ml.services.run_summary.kept_cells` keeps them.
    row_sums, column_sums : sequence of int [length K]
        Of the whole matrix.
    """

    classes: tuple[str, ...]
    cells: Sequence[Sequence[int]]
    row_sums: Sequence[int]
    column_sums: Sequence[int]

    @property
    def labels(self) -> int:
        """All labels."""
        return sum(self.row_sums)

    @cached_property
    def right(self) -> int:
        """Labels on the diagonal."""
        return sum(self._hits)

    @property
    def share_right(self) -> float | None:
        """Share of the labels on the diagonal; None without labels."""
        return self.right / self.labels if self.labels else None

    @property
    def not_kept(self) -> int:
        """Labels in rare cells that were not kept."""
        return self.labels - sum(count for _, _, count in self.cells)

    @property
    def hidden(self) -> int:
        """Number of classes that are not shown."""
        return len(self.classes) - len(self._shown)

    @property
    def columns(self) -> list[str]:
        """Names of the classes that are shown."""
        return [self.classes[k] for k in self._shown]

    @cached_property
    def has_elsewhere(self) -> bool:
        """Whether any row has labels outside of the cells that are shown."""
        return any(row.elsewhere for row in self.rows)

    @cached_property
    def rows(self) -> list[ConfusionRow]:
        """Rows of the classes that are shown."""
        count = {(row, column): labels for row, column, labels in self.cells}
        return [
            ConfusionRow(
                name=self.classes[k],
                labels=self.row_sums[k],
                cells=[_cell(count.get((k, other), 0), self.row_sums[k], right=k == other) for other in self._shown],
                elsewhere=self.row_sums[k] - sum(count.get((k, other), 0) for other in self._shown),
            )
            for k in self._shown
        ]

    @cached_property
    def mixups(self) -> list[Mixup]:
        """The most frequent mistakes, at most `MOST_MIXUPS`."""
        return [
            Mixup(name=self.classes[row], taken_for=self.classes[column], labels=labels, of=self.row_sums[row])
            for row, column, labels in self._mistakes[:MOST_MIXUPS]
        ]

    @cached_property
    def _mistakes(self) -> list[Sequence[int]]:
        """Cells beside the diagonal, the most frequent first."""
        return sorted((cell for cell in self.cells if cell[0] != cell[1]), key=lambda cell: -cell[2])

    @cached_property
    def _hits(self) -> list[int]:
        hits = [0] * len(self.classes)
        for row, column, labels in self.cells:
            if row == column:
                hits[row] = labels
        return hits

    @cached_property
    def _shown(self) -> list[int]:
        """Classes of the most frequent mistakes, in their usual order, so that both sides of each are shown."""
        chosen: dict[int, None] = {}
        for row, column, _ in [*self._mistakes, *([k, k, 0] for k in range(len(self.classes)))]:
            pair = {row: None, column: None}
            if len(chosen | pair) <= MOST_CLASSES:
                chosen |= pair
        return sorted(chosen)


@dataclass(frozen=True, kw_only=True)
class RunConfusion:
    """Both matrices of a run.

    Attributes
    ----------
    verified : Confusion
        Rows: labels that people verified. Columns: what networks hear that did not hear the group.
    given : Confusion
        Rows: labels that were judged. Columns: labels that the run would give.
    """

    verified: Confusion
    given: Confusion


def run_confusion(run: VerificationRun) -> RunConfusion | None:
    """Return what a finished run takes for what; None if it is not finished or is from before this was kept."""
    kept: dict[str, Any] | None = run.summary.get("confusion")
    if kept is None:
        return None
    classes = tuple(row["name"] for row in run.summary["classes"])
    verified, given = (
        Confusion(classes, kept[name]["cells"], kept[name]["rows"], kept[name]["columns"])
        for name in ("verified", "given")
    )
    return RunConfusion(verified=verified, given=given)


def _cell(labels: int, of: int, *, right: bool) -> ConfusionCell:
    share = labels / of if of else 0.0
    return ConfusionCell(labels=labels, share=share, level=round(_LEVELS * math.sqrt(share)), right=right)
