"""Scales, ticks and lines of drawings, apart from any page.

The unit is percent of the plot, so that a drawing takes any width while its texts keep their size. Bars, dots and texts
take percentages as they are. Lines, to which SVG gives none, are drawn in a box of 100 by 100 that is stretched over
the plot. Heights count from the top, as SVG has them.

A scale is linear unless that would hide most of what there is: where one bar dwarfs all others, heights are square
roots, and if that does not help, logarithms of one more than the number. All three begin at 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

ScaleKind = Literal["linear", "root", "log"]

LEAST_HEIGHT = 0.04  # share of the plot that half of the values must reach
_TICKS = 4
_FINE = 20  # parts of a scale that is not linear, of which its end is a whole number
_SLIVER = 0.006  # share of the plot that the bar of a single label keeps
_APART = 0.16  # share of the plot between ticks of a scale that is not linear


@dataclass(frozen=True)
class Tick:
    """A mark of an axis: where it stands in percent of the plot, and its text."""

    at: str
    text: str


@dataclass(frozen=True)
class Scale:
    """A scale from 0 up.

    Attributes
    ----------
    kind : {"linear", "root", "log"}
        What a height is proportional to.
    highest : float
        The value at the top, above 0.
    """

    kind: ScaleKind
    highest: float

    def share(self, value: float) -> float:
        """Return how high a value stands, 0 to 1; values outside stand at the border."""
        inside = min(max(value, 0.0), self.highest)
        return self._bent(inside) / self._bent(self.highest)

    def height(self, value: float) -> str:
        """Return the length of a value's bar, in percent: never nothing where there is something."""
        return percent(max(_SLIVER, self.share(value)) if value > 0 else 0.0)

    def top(self, value: float) -> str:
        """Return the distance of a value from the top, in percent."""
        return percent(1 - self.share(value))

    @property
    def ticks(self) -> list[Tick]:
        """Round values, from the lowest up."""
        return [Tick(self.top(value), number_text(value)) for value in self._round_values()]

    def _round_values(self) -> list[float]:
        if self.kind == "linear":
            step = round_step(self.highest / _TICKS)
            return [step * place for place in range(int(self.highest / step + 1e-9) + 1)]
        values = [self.highest]
        power = math.ceil(math.log10(self.highest))
        for candidate in (digit * 10.0**exponent for exponent in range(power, power - 9, -1) for digit in (5, 2, 1)):
            height = self.share(candidate)
            if candidate < values[-1] and self.share(values[-1]) - height >= _APART and height >= _APART:
                values.append(candidate)
        return [0.0, *reversed(values)]

    def _bent(self, value: float) -> float:
        if self.kind == "root":
            return math.sqrt(value)
        return math.log1p(value) if self.kind == "log" else value


def fitting_scale(values: Iterable[float]) -> Scale:
    """Choose a scale on which what there is can be seen.

    Parameters
    ----------
    values : iterable of float
        At least 0; those that are 0 or no number do not matter.

    Returns
    -------
    Scale
        Linear, or the first of root and logarithm on which half of the values reach `LEAST_HEIGHT`.
    """
    seen = [value for value in values if math.isfinite(value) and value > 0]
    if not seen:
        return Scale("linear", 1.0)
    kinds: tuple[ScaleKind, ...] = ("linear", "root", "log")
    for kind in kinds:
        scale = Scale(kind, max(seen))
        if scale.share(median(seen)) >= LEAST_HEIGHT:
            break
    # Up to the next round value, so that the topmost tick is above all.
    step = round_step(scale.highest / (_TICKS if scale.kind == "linear" else _FINE))
    return Scale(scale.kind, round(step * math.ceil(scale.highest / step - 1e-9), 9))


def round_step(least: float) -> float:
    """Return the smallest of 1, 2 and 5 times a power of ten that is not below `least`, which is above 0."""
    power: float = 10.0 ** math.floor(math.log10(least))
    return next(digit * power for digit in (1, 2, 5, 10) if digit * power >= least * (1 - 1e-9))


def share_ticks(low: float = 0.0, high: float = 1.0, *, parts: int = 4, down: bool = False) -> list[Tick]:
    """Return ticks of an axis of shares, evenly from `low` to `high`; `down` for heights."""
    ticks = []
    for place in range(parts + 1):
        at = 1 - place / parts if down else place / parts
        ticks.append(Tick(percent(at), number_text(round(100 * (low + (high - low) * place / parts), 3))))
    return ticks


def percent(share: float) -> str:
    """Write a share of the plot as an attribute of SVG has it, without the sign."""
    return f"{100 * share:.2f}"


def number_text(value: float) -> str:
    """Write a round number: thousands apart, no digits that say nothing."""
    return f"{value:,.0f}" if value == round(value) else f"{value:.6g}"


def line_path(points: Sequence[tuple[float, float] | None]) -> str:
    """Return the path of a line through points, in a box of 100 by 100.

    Parameters
    ----------
    points : sequence of (x, height) or None
        Shares of the plot, heights from its bottom; None interrupts the line.
    """
    parts, apart = [], True
    for point in points:
        if point is not None:
            parts.append(("M" if apart else "L") + _in_box(point))
        apart = point is None
    return "".join(parts)


def lonely_path(points: Sequence[tuple[float, float] | None]) -> str:
    """Return the path of those points of a line that have no neighbour: lines without length, which round ends show."""
    around = [None, *points, None]
    return "".join(
        f"M{_in_box(point)}h0"
        for before, point, after in zip(around, around[1:], around[2:], strict=False)
        if point is not None and before is None and after is None
    )


def _in_box(point: tuple[float, float]) -> str:
    return f"{100 * point[0]:.2f} {100 - 100 * point[1]:.2f}"
