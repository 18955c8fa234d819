import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.verification.auto_accept import (
    AcceptThreshold,
    AutoAcceptConfig,
    threshold_from_expectation,
    threshold_from_held_out,
)
from ml.verification.noise_transitions import corrupted_labels, p_label_correct

SEEN = AutoAcceptConfig(precision=0.75, bound="none", fewest=1)


def test_the_smallest_threshold_with_the_precision_is_chosen() -> None:
    # right down from the top: 1/1, 1/2, 2/3, 3/4, 3/5: at 0.6 precision is back at three quarters
    chance = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    right = np.array([True, False, True, True, False])
    chosen = threshold_from_held_out(chance, right, config=SEEN)
    assert chosen == AcceptThreshold(0.6, 0.75, None, 4, 5)
    assert chosen.coverage == 0.8
    assert chosen.accepts(np.array([0.59, 0.6, 0.7])).tolist() == [False, True, True]


def test_equal_chances_are_accepted_together() -> None:
    right = np.array([True, True, False, False])
    assert threshold_from_held_out(np.array([0.9, 0.6, 0.6, 0.6]), right, config=SEEN).threshold == 0.9


def test_no_threshold_accepts_nothing_and_says_why() -> None:
    chosen = threshold_from_held_out(np.array([0.9, 0.8]), np.array([False, True]), config=SEEN)
    assert (chosen.threshold, chosen.accepted, chosen.coverage) == (None, 0, 0.0)
    assert chosen.reason == "The highest precision with at least 1 clips is 0.500; 0.75 was asked for."
    assert not chosen.accepts(np.array([1.0])).any()


def test_too_few_clips_prove_nothing() -> None:
    config = AutoAcceptConfig(precision=0.5, bound="none", fewest=20)
    chosen = threshold_from_held_out(np.full(19, 0.9), np.ones(19, dtype=bool), config=config)
    assert chosen.reason == "19 held-out clips: at least 20 needed."
    assert threshold_from_held_out(np.full(20, 0.9), np.ones(20, dtype=bool), config=config).threshold == 0.9
    # the five surest of thirty are right, which is too few; with the next fifteen, a quarter is
    lucky = threshold_from_held_out(np.linspace(0, 1, 30), np.arange(30) >= 25, config=config)
    assert lucky.reason == "The highest precision with at least 20 clips is 0.250; 0.5 was asked for."


@pytest.mark.parametrize(
    ("bound", "needed"),
    [
        ("wilson", 52),  # n / (n + z^2) >= 0.95 with z^2 = 2.7055: n >= 51.4
        ("clopper_pearson", 59),  # 0.95^n <= 0.05: n >= 58.4
    ],
)
def test_the_lower_bound_asks_for_enough_clips(bound: str, needed: int) -> None:
    config = AutoAcceptConfig(precision=0.95, bound=bound, confidence=0.95)
    few, enough = (
        threshold_from_held_out(np.full(n, 0.9), np.ones(n, dtype=bool), config=config) for n in (needed - 1, needed)
    )
    assert few.threshold is None
    assert "lower bound does not reach 0.95" in few.reason
    assert enough.threshold == 0.9
    assert 0.95 <= enough.lower_bound < 0.952


def test_the_expected_precision_is_the_mean_chance() -> None:
    # means from the top: 1, 0.95, 0.9, 0.8
    chosen = threshold_from_expectation(np.array([0.8, 1.0, 0.5, 0.9]), precision=0.9)
    assert (chosen.threshold, chosen.precision, chosen.accepted) == (0.8, pytest.approx(0.9), 3)
    assert chosen.lower_bound is None


def test_a_mean_that_falls_short_by_rounding_is_reached() -> None:
    assert sum([0.95] * 3) / 3 < 0.95  # in binary
    assert threshold_from_expectation(np.full(3, 0.95), precision=0.95).accepted == 3


def test_too_low_chances_have_no_threshold() -> None:
    assert threshold_from_expectation(np.array([0.7]), precision=0.9).reason == (
        "The highest probability is 0.700; 0.9 was asked for."
    )
    assert threshold_from_expectation(np.zeros(0), precision=0.9).threshold is None


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.floats(0, 1), st.floats(0, 1))
def test_more_precision_never_accepts_more(chances: list[float], one: float, other: float) -> None:
    loose, strict = (
        threshold_from_expectation(np.array(chances), precision=precision).accepted
        for precision in sorted((one, other))
    )
    assert strict <= loose


@given(st.integers(0, 10_000), st.sampled_from(["none", "wilson", "clopper_pearson"]), st.floats(0.5, 1))
def test_every_threshold_keeps_its_promise_on_the_clips_it_was_chosen_on(
    seed: int, bound: str, precision: float
) -> None:
    generator = np.random.default_rng(seed)
    chance = generator.uniform(size=200).round(2)
    right = generator.uniform(size=200) < chance**0.3
    config = AutoAcceptConfig(precision=precision, bound=bound, fewest=10)
    chosen = threshold_from_held_out(chance, right, config=config)
    if chosen.threshold is not None:
        accepted = chosen.accepts(chance)
        assert accepted.sum() == chosen.accepted >= 10
        assert right[accepted].mean() == pytest.approx(chosen.precision)
        assert min(chosen.precision, chosen.precision if bound == "none" else chosen.lower_bound) >= precision - 1e-9


def test_a_threshold_from_corrupted_verified_clips_holds_for_other_clips() -> None:
    generator = np.random.default_rng(11)
    transition = np.full((5, 5), 0.08) + 0.6 * np.eye(5)
    p = generator.dirichlet(np.full(5, 0.3), size=8000)
    true = (np.cumsum(p, axis=1) < generator.uniform(size=(8000, 1))).sum(axis=1)
    given_label = corrupted_labels(true, transition, generator=generator)
    chance, right = p_label_correct(p, given_label, transition), given_label == true
    chosen = threshold_from_held_out(chance[:2000], right[:2000], config=AutoAcceptConfig())
    accepted = chosen.accepts(chance[2000:])
    assert right[2000:][accepted].mean() > 0.94
    assert accepted.mean() > 0.3
    expected = threshold_from_expectation(chance[2000:], precision=0.95)
    assert right[2000:][expected.accepts(chance[2000:])].mean() == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize(
    ("field", "value"), [("precision", 1.1), ("bound", "bayes"), ("confidence", 1.0), ("fewest", 0)]
)
def test_impossible_settings_are_refused(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"{field} = "):
        AutoAcceptConfig(**{field: value})
