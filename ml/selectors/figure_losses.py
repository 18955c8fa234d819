"""Drawings of the training losses of a run, one plot for each network, live while the run goes on.

Iterations stand one after the other, as they are trained, so that a hundred lines of ten iterations do not lie on top
of each other; the folds of one iteration do. All plots have the same axes, so that networks compare.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from curation.models import JobState
from ml.selectors.figure_geometry import (
    Scale,
    ScaleKind,
    Tick,
    fitting_scale,
    line_path,
    lonely_path,
    percent,
    round_step,
)
from ml.selectors.runs import StepView

_TICKS = 4
_LEAST_WIDTH = 0.08  # share of the plot that the number of an iteration needs


@dataclass(frozen=True, kw_only=True)
class LossLine:
    """The losses of one step in a box of 100 by 100: a line, and dots where no neighbour is a number.

    `newest` says whether it is of the last iteration.
    """

    path: str
    dots: str
    step: StepView
    newest: bool


@dataclass(frozen=True, kw_only=True)
class IterationBand:
    """The part of the plot that belongs to one iteration: where it begins, and its number if there is room for it."""

    x: str
    text: str
    first: bool


@dataclass(frozen=True, kw_only=True)
class LossRow:
    """A step in numbers: epochs that gave a number, and the losses of the first, the best and the last of them.

    Attributes
    ----------
    step : StepView
        The step.
    iteration, fold : int
        From 1.
    first, best, last : float or None
        Losses; None where no epoch gave a number.
    broken : int
        Epochs whose loss is no number.
    """

    step: StepView
    iteration: int
    fold: int
    first: float | None
    best: float | None
    last: float | None
    broken: int


@dataclass(frozen=True, kw_only=True)
class LossPanel:
    """The plot of one network.

    Attributes
    ----------
    number : int
        From 1.
    name : str
        As the plan names it; empty if that is not known.
    lines : list of LossLine
        Steps with a loss, the newest iteration last, so that it is on top.
    bands : list of IterationBand
        Iterations from left to right.
    rows : list of LossRow
        All its steps.
    states : list of (str, int)
        Steps in each state, in the order of `JobState`.
    notes : list of (LossRow, str)
        What happened besides, such as a batch halved for want of memory.
    """

    number: int
    name: str
    lines: list[LossLine]
    bands: list[IterationBand]
    rows: list[LossRow]
    states: list[tuple[str, int]]
    notes: list[tuple[LossRow, str]]


@dataclass(frozen=True, kw_only=True)
class LossFigure:
    """All plots, with the axes that they share.

    Attributes
    ----------
    panels : list of LossPanel
        One for each network.
    states : list of (str, int)
        Steps in each state.
    steps : int
        All steps.
    scale : str
        A kind of `ml.selectors.figure_geometry.Scale`.
    epochs : int
        Epochs of all iterations together.
    has_losses : bool
        Whether any epoch gave a number.
    x_ticks, y_ticks : list of Tick
        Axes.
    """

    panels: list[LossPanel]
    states: list[tuple[str, int]]
    steps: int
    scale: ScaleKind
    epochs: int
    has_losses: bool
    x_ticks: list[Tick]
    y_ticks: list[Tick]


def loss_figure(steps: Sequence[StepView], members: Sequence[str] = ()) -> LossFigure:
    """Draw the losses of a run's steps.

    Parameters
    ----------
    steps : sequence of StepView
        From `ml.selectors.runs.run_view`.
    members : sequence of str, optional
        Names of the networks, in the order of the plan.
    """
    lengths = _iteration_lengths(steps)
    epochs = max(sum(lengths.values()), 1)
    scale = fitting_scale(loss for step in steps for loss in _numbers(step))
    panels = [
        _panel([step for step in steps if step.member == member], member, members, lengths, scale)
        for member in sorted({step.member for step in steps})
    ]
    return LossFigure(
        panels=panels,
        states=_states(steps),
        steps=len(steps),
        scale=scale.kind,
        epochs=epochs,
        has_losses=any(panel.lines for panel in panels),
        x_ticks=_epoch_ticks(epochs),
        y_ticks=scale.ticks,
    )


def _iteration_lengths(steps: Sequence[StepView]) -> dict[int, int]:
    """Return the epochs of each iteration: of its longest step, however long that was meant to be."""
    lengths: dict[int, int] = {}
    for step in steps:
        longest = max(step.epochs_total, len(step.losses), step.epochs)
        lengths[step.iteration] = max(lengths.get(step.iteration, 0), longest)
    return dict(sorted(lengths.items()))


def _panel(
    steps: Sequence[StepView], member: int, members: Sequence[str], lengths: dict[int, int], scale: Scale
) -> LossPanel:
    total, newest = max(sum(lengths.values()), 1), max(lengths)
    begins, begin = {}, 0
    for iteration, epochs in lengths.items():
        begins[iteration] = begin
        begin += epochs
    lines = []
    for step in sorted(steps, key=lambda step: step.iteration):
        if _numbers(step):
            points = _points(step, begins[step.iteration], total, scale)
            path, dots = line_path(points), lonely_path(points)
            lines.append(LossLine(path=path, dots=dots, step=step, newest=step.iteration == newest))
    rows = [_row(step) for step in steps]
    return LossPanel(
        number=member + 1,
        name=members[member] if member < len(members) else "",
        lines=lines,
        bands=[
            IterationBand(
                x=percent(begins[iteration] / total),
                text=str(iteration + 1) if epochs / total >= _LEAST_WIDTH else "",
                first=begins[iteration] == 0,
            )
            for iteration, epochs in lengths.items()
        ],
        rows=rows,
        states=_states(steps),
        notes=[(row, note) for row in rows for note in row.step.notes],
    )


def _points(step: StepView, begin: int, total: int, scale: Scale) -> list[tuple[float, float] | None]:
    """Epochs stand at the middle of their part of the axis, so that a single one is seen."""
    return [
        ((begin + epoch + 0.5) / total, scale.share(loss)) if _is_number(loss) else None
        for epoch, loss in enumerate(step.losses)
    ]


def _row(step: StepView) -> LossRow:
    numbers = _numbers(step)
    return LossRow(
        step=step,
        iteration=step.iteration + 1,
        fold=step.fold + 1,
        first=numbers[0] if numbers else None,
        best=min(numbers, default=None),
        last=numbers[-1] if numbers else None,
        broken=len(step.losses) - len(numbers),
    )


def _states(steps: Sequence[StepView]) -> list[tuple[str, int]]:
    counts = Counter(step.state for step in steps)
    return [(state, counts[state]) for state in JobState.values if counts[state]]


def _numbers(step: StepView) -> list[float]:
    return [loss for loss in step.losses if _is_number(loss)]


def _is_number(loss: float | None) -> bool:
    return loss is not None and math.isfinite(loss)


def _epoch_ticks(epochs: int) -> list[Tick]:
    step = max(1, int(round_step(epochs / _TICKS)))
    return [Tick(percent((epoch - 0.5) / epochs), f"{epoch:,}") for epoch in _marked(epochs, step)]


def _marked(epochs: int, step: int) -> list[int]:
    first = [1] if step > 1 else []
    return [*first, *range(step, epochs + 1, step)]
