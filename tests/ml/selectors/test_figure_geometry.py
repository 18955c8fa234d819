"""Scales, ticks and lines of drawings."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.selectors.figure_geometry import (
    Scale,
    Tick,
    fitting_scale,
    line_path,
    lonely_path,
    number_text,
    round_step,
    share_ticks,
)

AMOUNTS = st.floats(min_value=1e-4, max_value=1e7, allow_nan=False)


@pytest.mark.parametrize(
    ("values", "kind", "highest"),
    [
        ([], "linear", 1.0),
        ([0, 0], "linear", 1.0),
        ([3, 7, 9], "linear", 10.0),
        ([5, 8, 1_000], "root", 1_000.0),
        ([1, 1, 900_000], "log", 900_000.0),
        ([math.nan, math.inf, 1.9], "linear", 2.0),
    ],
)
def test_the_scale_lets_half_of_the_values_be_seen(values: list[float], kind: str, highest: float) -> None:
    scale = fitting_scale(values)
    assert scale.kind == kind
    assert scale.highest == pytest.approx(highest)
    assert all(scale.share(value) <= 1 for value in values if math.isfinite(value))


@given(st.lists(AMOUNTS, min_size=1, max_size=30))
def test_heights_keep_their_order_and_stay_in_the_plot(values: list[float]) -> None:
    scale = fitting_scale(values)
    heights = [scale.share(value) for value in sorted(values)]
    assert heights == sorted(heights)
    assert 0 <= heights[0] <= heights[-1] <= 1
    assert all(0 < float(scale.height(value)) <= 100 for value in values)


@given(AMOUNTS, st.sampled_from(["linear", "root", "log"]))
def test_ticks_rise_from_zero_to_the_top_and_stay_apart(highest: float, kind: str) -> None:
    ticks = Scale(kind, highest).ticks  # type: ignore[arg-type]
    tops = [float(tick.at) for tick in ticks]
    assert (ticks[0], len(ticks) <= 8) == (Tick("100.00", "0"), True)
    assert tops == sorted(tops, reverse=True)
    assert all(0 <= top <= 100 for top in tops)
    assert all(below - above > 10 for below, above in pairwise(tops))


@given(AMOUNTS)
def test_a_round_step_is_at_least_what_was_asked_for(least: float) -> None:
    step = round_step(least)
    assert least * (1 - 1e-6) <= step <= least * 2.5 * (1 + 1e-6)
    assert f"{step:e}"[0] in "125"


def test_a_single_label_keeps_a_sliver() -> None:
    scale = Scale("linear", 1_000_000)
    assert scale.height(1) == "0.60"
    assert scale.height(0) == "0.00"


def test_shares_are_marked_in_percent() -> None:
    assert share_ticks(0.92, 1.0, down=True) == [
        Tick("100.00", "92"),
        Tick("75.00", "94"),
        Tick("50.00", "96"),
        Tick("25.00", "98"),
        Tick("0.00", "100"),
    ]
    assert [tick.text for tick in share_ticks(0.998, 1.0)] == ["99.8", "99.85", "99.9", "99.95", "100"]


def test_numbers_are_written_without_idle_digits() -> None:
    assert [number_text(value) for value in (0.0, 40_000.0, 0.25, 1e-3)] == ["0", "40,000", "0.25", "0.001"]


def test_a_line_is_interrupted_where_there_is_no_number() -> None:
    points = [(0.0, 1.0), (0.25, 0.5), None, (0.75, 0.0), None]
    assert line_path(points) == "M0.00 0.00L25.00 50.00M75.00 100.00"
    assert lonely_path(points) == "M75.00 100.00h0"
    assert lonely_path([(0.5, 0.5)]) == "M50.00 50.00h0"
    assert line_path([]) == lonely_path([None]) == ""
