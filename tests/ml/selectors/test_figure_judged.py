"""Histogram, reliability diagram and acceptance curve as drawings."""

from __future__ import annotations

import json

import pytest

from ml.selectors.figure_judged import acceptance_drawing, histogram, reliability_diagram
from ml.selectors.run_figures import HistogramBin
from ml.verification.accept_threshold import AcceptThreshold
from ml.verification.calibration import ReliabilityBin

NOTHING = AcceptThreshold(None, None, 0, 50)
CURVE = [[0.2, 40, 0.8], [0.7, 25, 0.9], [0.95, 10, 0.97]]


def bins(*labels: int) -> list[HistogramBin]:
    return [
        HistogramBin(low=place / len(labels), high=(place + 1) / len(labels), labels=count)
        for place, count in enumerate(labels)
    ]


def test_bars_stand_where_their_bins_are() -> None:
    drawing = histogram(bins(10, 0, 20, 40))
    first, second, _, last = (bar for bar, _ in drawing.bars)
    assert (first.x, first.width) == ("1.00", "23.00")
    assert (first.y, first.height) == ("75.00", "25.00")
    assert (second.height, last.height, last.y) == ("0.00", "100.00", "0.00")
    assert (drawing.labels, drawing.probably_wrong, drawing.scale) == (70, 10, "linear")
    assert [bar.probably_wrong for bar, _ in drawing.bars] == [True, True, False, False]
    assert not drawing.outline


def test_a_bar_that_dwarfs_all_others_bends_the_scale() -> None:
    assert histogram(bins(9, 4, 16, 900)).scale == "root"


def test_two_runs_are_compared_by_shares() -> None:
    drawing = histogram(bins(1, 3), bins(300, 100))
    assert drawing.in_shares
    (low, other_low), (high, other_high) = drawing.bars
    assert other_low is not None
    assert other_high is not None
    assert (low.share, high.share, other_low.share, other_high.share) == (0.25, 0.75, 0.75, 0.25)
    assert (low.height, other_low.height) == (other_high.height, high.height)
    assert drawing.outline.startswith("M0.00 ")


def test_a_histogram_of_nothing_is_empty() -> None:
    assert histogram([]).labels == 0
    assert histogram(bins(0, 0)).labels == 0


def test_dots_have_areas_by_clips_and_gaps_by_truth() -> None:
    drawing = reliability_diagram(
        [
            ReliabilityBin(0.0, 0.5, 0, None, None),
            ReliabilityBin(0.5, 0.75, 25, 0.6, 0.45),
            ReliabilityBin(0.75, 1.0, 100, 0.9, 0.95),
        ]
    )
    small, large = drawing.dots
    assert (small.x, small.y, small.even, small.radius, large.radius) == ("60.00", "55.00", "40.00", "7.0", "14.0")
    assert (small.gap, large.gap) == (pytest.approx(-0.15), pytest.approx(0.05))
    assert (drawing.clips, drawing.error) == (125, pytest.approx(0.07))
    assert not drawing.too_sure  # 25 clips are 0.15 too sure, 100 are 0.05 too modest


def test_without_verified_clips_there_is_no_error() -> None:
    assert reliability_diagram([ReliabilityBin(0.0, 1.0, 0, None, None)]).error is None
    assert reliability_diagram([]).clips == 0


def test_the_curve_is_given_to_scripts_as_it_was_kept() -> None:
    chosen = AcceptThreshold(0.7, 0.9, 25, 50)
    drawing = acceptance_drawing(CURVE, chosen, judged=0)
    assert json.loads(drawing.points) == CURVE
    assert (drawing.judged, drawing.low) == (50, 0.8)
    assert drawing.mark == ("50.00", "50.00")  # half of the labels; 0.9 is half way up from 0.8
    assert drawing.path == "M80.00 100.00L50.00 50.00L20.00 15.00"
    assert [row[0] for row in drawing.rows] == [0.95, 0.7, 0.2]


def test_what_cannot_be_chosen_is_not_marked() -> None:
    assert acceptance_drawing(CURVE, NOTHING, judged=50).mark is None
    assert acceptance_drawing(CURVE, None, judged=0).judged == 40  # as many as the loosest threshold accepts


@pytest.mark.parametrize("curve", [[], [[1.0, 3, 1.0]], [[0.0, 7, 0.0]], [[0.1, 5, 0.01], [0.9, 1, 0.999999]]])
def test_any_curve_can_be_drawn(curve: list[list[float]]) -> None:
    drawing = acceptance_drawing(curve, None, judged=10)
    assert 0 <= drawing.low <= min((point[2] for point in curve), default=1)
    assert len(drawing.y_ticks) == 5


def test_a_long_curve_has_a_short_table() -> None:
    curve = [[place / 512, 512 - place, 0.9 + place / 6_000] for place in range(512)]
    drawing = acceptance_drawing(curve, None, judged=512)
    assert len(drawing.rows) <= 12
    assert drawing.rows[0] == curve[-1]
