from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotate.domain.quality import Z, quality_estimate, wilson_interval

counts = st.integers(0, 10_000)


def test_the_estimate_is_the_share_of_confirming_ratings() -> None:
    # (6 + 2) / (6 + 2 + 1 + 1) = 0.8
    estimate = quality_estimate(6, 2, 1, 1)
    assert estimate.qe == 0.8
    assert estimate.ratings == 10


def test_the_interval_agrees_with_one_worked_by_hand() -> None:
    # 8 of 10, z² = 3.8414588: centre = (0.8 + 0.19207294) / 1.38414588 = 0.71674205;
    # half = 1.95996398 / 1.38414588 · sqrt(0.016 + 0.00960365) = 0.22657548.
    estimate = quality_estimate(6, 2, 1, 1)
    assert estimate.low == pytest.approx(0.4901625, abs=5e-7)
    assert estimate.high == pytest.approx(0.9433178, abs=5e-7)


def test_wilsons_bounds_solve_his_equation() -> None:
    # The bounds are the p for which |share - p| is z standard errors of p itself.
    for bound in wilson_interval(37, 52):
        assert abs(37 / 52 - bound) == pytest.approx(Z * (bound * (1 - bound) / 52) ** 0.5)


def test_unsure_ratings_count_against() -> None:
    assert quality_estimate(1, 0, 0, 1).qe == 0.5


def test_unanimous_ratings_keep_a_width() -> None:
    confirmed = quality_estimate(4, 0, 0, 0)
    # n / (n + z²) = 4 / 7.8414588
    assert (confirmed.qe, confirmed.high) == (1.0, 1.0)
    assert confirmed.low == pytest.approx(0.5101092)
    denied = quality_estimate(0, 0, 4, 0)
    assert (denied.qe, denied.low) == (0.0, 0.0)
    assert denied.high == pytest.approx(1 - 0.5101092)


def test_a_category_without_ratings_has_no_estimate() -> None:
    estimate = quality_estimate(0, 0, 0, 0)
    assert (estimate.qe, estimate.low, estimate.high) == (None, 0.0, 1.0)


@given(counts, counts, counts, counts)
def test_the_interval_holds_the_estimate_and_stays_in_range(pp: int, pnp: int, np: int, u: int) -> None:
    estimate = quality_estimate(pp, pnp, np, u)
    assert 0 <= estimate.low < estimate.high <= 1
    if estimate.qe is not None:
        assert estimate.low <= estimate.qe <= estimate.high


@given(st.integers(0, 500), st.integers(1, 500))
def test_the_interval_mirrors_success_and_failure(successes: int, failures: int) -> None:
    low, high = wilson_interval(successes, successes + failures)
    assert wilson_interval(failures, successes + failures) == pytest.approx((1 - high, 1 - low))


def test_negative_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        quality_estimate(1, -1, 0, 0)


@pytest.mark.parametrize(("successes", "trials"), [(-1, 3), (4, 3), (0, 0)])
def test_impossible_proportions_are_refused(successes: int, trials: int) -> None:
    with pytest.raises(ValueError, match="expected"):
        wilson_interval(successes, trials)
