"""Drawings of how sure a run is: histogram of probabilities, reliability diagram, what could be accepted.

The histogram is Nguyen's figure 2 [1]_, the diagram that of Guo et al. [2]_.

References
----------
.. [1] T. N. T. Nguyen et al., "DCASE 2018 task 2: iterative training, label smoothing, and background noise
   normalization for audio event tagging", DCASE 2018, figure 2.
.. [2] C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, "On calibration of modern neural networks", ICML 2017, figure 1.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

from ml.selectors.figure_geometry import (
    Scale,
    ScaleKind,
    Tick,
    fitting_scale,
    line_path,
    percent,
    round_step,
    share_ticks,
)
from ml.selectors.run_figures import HistogramBin, calibration_error
from ml.verification.accept_threshold import AcceptThreshold
from ml.verification.calibration import ReliabilityBin

EVEN = 0.5  # below it a label is more probably wrong than right
_GAP = 0.08  # of a bin's width between two bars
_SMALLEST, _LARGEST = 4.0, 14.0  # radius of a dot, in pixels
_TABLE_ROWS = 12


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A bin's bar, in percent of the plot, and its bin; `labels` and `share` of a second run, if one is compared."""

    x: str
    width: str
    y: str
    height: str
    low: float
    high: float
    labels: int
    share: float
    probably_wrong: bool


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """How probable labels are.

    Attributes
    ----------
    bars : list of (Bar, Bar or None)
        Each bin, with that of the other run.
    labels : int
        All labels of the first run.
    probably_wrong : int
        Those in bins below `EVEN`.
    scale : str
        A kind of `ml.selectors.figure_geometry.Scale`.
    in_shares : bool
        Whether heights are shares of the run's labels, since two runs are compared, instead of counts.
    x_ticks, y_ticks : list of Tick
        Axes.
    outline : str
        Path around the other run's bars.
    """

    bars: list[tuple[Bar, Bar | None]]
    labels: int
    probably_wrong: int
    scale: ScaleKind
    in_shares: bool
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    outline: str


def histogram(bins: Sequence[HistogramBin], other: Sequence[HistogramBin] = ()) -> Histogram:
    """Draw how probable judged labels are.

    Parameters
    ----------
    bins : sequence of HistogramBin
        From `ml.selectors.run_figures.probability_histogram`.
    other : sequence of HistogramBin, optional
        Those of a second run, as many.
    """
    labels, others = sum(each.labels for each in bins), sum(each.labels for each in other)
    factor, other_factor = (100 / max(labels, 1), 100 / max(others, 1)) if other else (1.0, 1.0)
    heights = [each.labels * factor for each in bins]
    other_heights = [each.labels * other_factor for each in other]
    scale = fitting_scale([*heights, *other_heights])
    bars = [_bar(each, height, scale, labels) for each, height in zip(bins, heights, strict=True)]
    beside: list[Bar | None] = [None] * len(bars)
    for place, (each, height) in enumerate(zip(other[: len(bars)], other_heights, strict=False)):
        beside[place] = _bar(each, height, scale, others)
    return Histogram(
        bars=list(zip(bars, beside, strict=True)),
        labels=labels,
        probably_wrong=sum(each.labels for each in bins if _is_wrong(each)),
        scale=scale.kind,
        in_shares=bool(other),
        x_ticks=[Tick(percent(place / 4), f"{place / 4:g}") for place in range(5)],
        y_ticks=scale.ticks,
        outline=_outline(other, [scale.share(height) for height in other_heights]),
    )


@dataclass(frozen=True, kw_only=True)
class Dot:
    """A bin of a reliability diagram: its dot, the height of the diagonal there, and its numbers."""

    x: str
    y: str
    even: str
    radius: str
    bin: ReliabilityBin
    gap: float


@dataclass(frozen=True, kw_only=True)
class ReliabilityDiagram:
    """Sureness against truth.

    Attributes
    ----------
    dots : list of Dot
        Bins that hold clips.
    clips : int
        All clips.
    error : float or None
        Expected calibration error; None without clips.
    too_sure : bool
        Whether probabilities are higher than the shares that are right, on the whole.
    x_ticks, y_ticks : list of Tick
        Axes.
    """

    dots: list[Dot]
    clips: int
    error: float | None
    too_sure: bool
    x_ticks: list[Tick]
    y_ticks: list[Tick]


def reliability_diagram(bins: Sequence[ReliabilityBin]) -> ReliabilityDiagram:
    """Draw how often predictions of each sureness are right."""
    most = max((each.clips for each in bins), default=0)
    dots = []
    for each in bins:
        if each.confidence is None or each.accuracy is None:
            continue
        dots.append(
            Dot(
                x=percent(each.confidence),
                y=percent(1 - each.accuracy),
                even=percent(1 - each.confidence),
                radius=f"{max(_SMALLEST, _LARGEST * math.sqrt(each.clips / most)):.1f}",  # areas are proportional
                bin=each,
                gap=each.accuracy - each.confidence,
            )
        )
    return ReliabilityDiagram(
        dots=dots,
        clips=sum(each.clips for each in bins),
        error=calibration_error(list(bins)),
        too_sure=sum(dot.gap * dot.bin.clips for dot in dots) < 0,
        x_ticks=share_ticks(),
        y_ticks=share_ticks(down=True),
    )


@dataclass(frozen=True, kw_only=True)
class AcceptanceDrawing:
    """Which share of the labels could be accepted, against the share of these that is right at least.

    Attributes
    ----------
    path : str
        The curve, in a box of 100 by 100.
    points : str
        The curve as JSON, exactly as it was kept: [[threshold, accepted, assured precision], …].
    judged : int
        Labels at the right end of the axis.
    low : float
        Precision at the bottom of the plot; the top is 1.
    mark : tuple of (str, str) or None
        Where the chosen point stands in the box.
    rows : list of [threshold, accepted, assured precision]
        Points for a table, from the strictest threshold down.
    x_ticks, y_ticks : list of Tick
        Axes.
    """

    path: str
    points: str
    judged: int
    low: float
    mark: tuple[str, str] | None
    rows: list[list[float]]
    x_ticks: list[Tick]
    y_ticks: list[Tick]


def acceptance_drawing(
    curve: Sequence[Sequence[float]], chosen: AcceptThreshold | None, *, judged: int
) -> AcceptanceDrawing:
    """Draw the curve by which people choose what to accept.

    Parameters
    ----------
    curve : sequence of [threshold, accepted, assured precision]
        From the lowest threshold up.
    chosen : AcceptThreshold or None
        The chosen point; none is marked if it has no threshold.
    judged : int
        All labels that were judged; fewer may be accepted than that.
    """
    judged = max(judged, chosen.clips if chosen else 0, *(int(point[1]) for point in curve), 1)
    low = _lowest([point[2] for point in curve])
    marked = chosen is not None and chosen.threshold is not None and chosen.precision is not None

    def place(accepted: float, assured: float) -> tuple[float, float]:
        return accepted / judged, (assured - low) / (1 - low)

    points = [place(accepted, assured) for _, accepted, assured in curve]
    mark = None
    if marked and chosen is not None and chosen.precision is not None:
        x, height = place(chosen.accepted, chosen.precision)
        mark = percent(x), percent(1 - height)
    every = max(1, math.ceil(len(curve) / _TABLE_ROWS))
    return AcceptanceDrawing(
        path=line_path(points),
        points=json.dumps([list(point) for point in curve], separators=(",", ":")),
        judged=judged,
        low=low,
        mark=mark,
        rows=[list(point) for point in reversed(curve)][::every],
        x_ticks=share_ticks(),
        y_ticks=share_ticks(low, down=True),
    )


def _bar(each: HistogramBin, height: float, scale: Scale, labels: int) -> Bar:
    width = each.high - each.low
    return Bar(
        x=percent(each.low + _GAP / 2 * width),
        width=percent((1 - _GAP) * width),
        y=percent(1 - float(scale.height(height)) / 100),
        height=scale.height(height),
        low=each.low,
        high=each.high,
        labels=each.labels,
        share=each.labels / max(labels, 1),
        probably_wrong=_is_wrong(each),
    )


def _is_wrong(each: HistogramBin) -> bool:
    return each.high <= EVEN


def _outline(bins: Sequence[HistogramBin], heights: Sequence[float]) -> str:
    corners: list[tuple[float, float] | None] = []
    for each, height in zip(bins, heights, strict=True):
        corners += [(each.low, height), (each.high, height)]
    return line_path(corners)


def _lowest(precisions: Sequence[float]) -> float:
    """Return a round precision below all of them, as high as possible: what matters is near 1."""
    least = min(precisions, default=0.0)
    if least >= 1:
        return 0.9
    step = round_step((1 - least) / 4)
    return max(0.0, round(1 - 4 * step, 6))
