from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ml.verification.accept_threshold import first_reaching
from ml.verification.auto_accept import HeldOut, accept_threshold, acceptance_curve, hold_out, most_wrong
from ml.verification.noise_transitions import p_label_correct
from tests.ml.verification.drawn_labels import drawn_labels

TRANSITION = np.array([[0.9, 0.1], [0.4, 0.6]])


def test_so_many_wrong_labels_must_be_allowed_as_there_are_at_most_in_19_of_20_cases() -> None:
    # 100 labels of 0.99: one is expected to be wrong; with 0.920 there are two at most, with 0.981 three.
    chosen = accept_threshold(np.full(100, 0.99), precision=0.97)
    assert (chosen.threshold, chosen.accepted, chosen.clips) == (0.99, 100, 100)
    assert chosen.precision == pytest.approx(0.97)
    assert accept_threshold(np.full(100, 0.99), precision=0.98).threshold is None
    # Of ten times as many 10 are expected, and 15 at most.
    assert accept_threshold(np.full(1000, 0.99), precision=0.98).precision == pytest.approx(0.985)


def test_the_limit_is_the_quantile_of_the_poisson_distribution() -> None:
    expected = np.concatenate([[0.0, 1e-9, 0.0512, 0.0513], np.geomspace(0.01, 1e6, 400)])
    np.testing.assert_array_equal(most_wrong(expected), stats.poisson.ppf(0.95, expected))


@pytest.mark.parametrize("precision", [0.9, 0.97, 0.99, 0.995])
@pytest.mark.parametrize("n", [20, 80, 99, 199, 999, 5000])
def test_as_many_honest_labels_as_are_accepted_keep_the_precision_in_19_of_20_draws(n: int, precision: float) -> None:
    grid = 1 - np.geomspace(1e-6, 0.5, 400)
    passing = [p for p in grid if accept_threshold(np.full(n, p), precision=precision).accepted]
    allowed = np.floor((1 - precision) * n + 1e-9)
    assert stats.binom.cdf(allowed, n, 1 - min(passing)) >= 0.95  # the least sure ones that are accepted


def test_labels_of_many_chances_keep_the_precision_in_19_of_20_draws() -> None:
    generator = np.random.default_rng(0)
    p_N = generator.beta(8, 1, size=2000)
    accepted = accept_threshold(p_N, precision=0.95).accepts(p_N)
    assert accepted.mean() > 0.5
    right = [(generator.uniform(size=accepted.sum()) < p_N[accepted]).mean() for _ in range(2000)]
    assert 0.945 <= np.mean(np.array(right) >= 0.95) < 1


def test_the_smallest_threshold_that_assures_enough_is_chosen() -> None:
    p_N = np.concatenate([np.full(50, 0.999), np.full(50, 0.9), np.full(50, 0.5)])
    chosen = accept_threshold(p_N, precision=0.9)
    assert (chosen.threshold, chosen.accepted, chosen.clips) == (0.9, 100, 150)
    assert chosen.accepts(np.array([0.89, 0.9, 1.0])).tolist() == [False, True, True]


def test_no_threshold_accepts_nothing() -> None:
    chosen = accept_threshold(np.array([0.7]), precision=0.9)
    assert (chosen.threshold, chosen.precision, chosen.accepted) == (None, None, 0)
    assert not chosen.accepts(np.array([1.0])).any()
    assert accept_threshold(np.zeros(0), precision=0.9).threshold is None
    with pytest.raises(ValueError, match=r"p_correct_N holds 0\.5 to 1\.5"):
        accept_threshold(np.array([0.5, 1.5]), precision=0.9)
    with pytest.raises(ValueError, match="precision"):
        first_reaching([], precision=1.1, clips=0)


def test_labels_that_are_certain_reach_any_precision() -> None:
    assert accept_threshold(np.array([1.0, 1.0, 0.9]), precision=1.0).accepted == 2


def test_one_label_that_is_right_in_19_of_20_cases_is_not_certain() -> None:
    assert accept_threshold(np.array([0.96]), precision=0.97).threshold is None
    assert accept_threshold(np.array([0.96]), precision=0.96).precision == pytest.approx(0.96)


def test_points_that_accept_fewer_and_assure_no_more_are_left_out() -> None:
    # Of all 600 two are wrong at most, 1 in 300; of the surest 100 alone one, 1 in 100.
    curve = acceptance_curve(np.repeat([0.9993, 0.9994], [500, 100]))
    assert (curve.threshold_M.tolist(), curve.accepted_M.tolist()) == ([0.9993], [600])
    rising = acceptance_curve(np.repeat([0.6, 0.9, 1.0], 50))
    assert rising.accepted_M.tolist() == [150, 100, 50]
    assert (np.diff(rising.precision_M) > 0).all()
    assert not len(acceptance_curve(np.zeros(0)).threshold_M)


def test_verified_clips_are_judged_under_each_label_they_could_have_been_given() -> None:
    # The first is true 0 and sounds so. Given 0: 0.9*0.9 / (0.9*0.9 + 0.1*0.4) = 81/85. Given 1: 0.1*0.6 / (0.1*0.6 +
    # 0.9*0.1) = 0.4. The second is true 1 and sounds like 0: given 0 as the first, with the chance 0.4.
    held_out = hold_out(
        np.array([[0.9, 0.1], [0.9, 0.1]]), np.array([0, 1]), TRANSITION, admitted_VK=np.ones((2, 2), dtype=bool)
    )
    assert held_out.p_correct_H.tolist() == pytest.approx([81 / 85, 0.4] * 2)
    assert held_out.weight_H.tolist() == [0.9, 0.1, 0.4, 0.6]
    assert held_out.is_correct_H.tolist() == [True, False, False, True]
    # At 0.9 both count under label 0, at 0.39 under both labels; were there a hundred of each.
    many = replace(held_out, weight_H=100 * held_out.weight_H)
    assert many.precision(np.array([0.39, 0.9])).tolist() == pytest.approx([(0.9 + 0.6) / 2, 0.9 / 1.3])


def test_what_may_not_be_accepted_at_all_is_no_witness() -> None:
    held_out = hold_out(
        np.array([[0.9, 0.1]]), np.array([1]), TRANSITION, admitted_VK=np.array([[False, True]], dtype=bool)
    )
    assert held_out.precision(np.array([0.0])).tolist() == [1.0]


def test_the_less_hopeful_witness_counts() -> None:
    p_N = np.concatenate([np.full(900, 0.999), np.full(100, 0.97)])
    assert accept_threshold(p_N, precision=0.99).threshold == 0.97
    # Of verified clips under a label that seems right with 0.98, a tenth is wrong.
    against = HeldOut(
        p_correct_H=np.array([0.98, 0.98, 0.9995]),
        weight_H=np.array([90.0, 10.0, 100.0]),
        is_correct_H=np.array([True, False, True]),
    )
    chosen = accept_threshold(p_N, precision=0.99, held_out=against)
    assert (chosen.threshold, chosen.accepted) == (0.999, 900)


def test_of_thresholds_that_few_verified_clips_reach_the_surest_speak() -> None:
    held_out = HeldOut(
        p_correct_H=np.linspace(0.5, 0.99, 50), weight_H=np.ones(50), is_correct_H=np.arange(50) % 10 != 9
    )
    # Of the surest twenty every tenth is wrong, whatever is asked of thresholds above them.
    assert held_out.precision(np.array([0.5, 0.985, 0.99, 0.999])).tolist() == pytest.approx([0.9] * 4)
    few = HeldOut(p_correct_H=np.array([0.9, 0.8]), weight_H=np.ones(2), is_correct_H=np.array([True, False]))
    assert few.precision(np.array([0.95])).tolist() == [0.5]
    nothing = HeldOut(p_correct_H=np.zeros(0), weight_H=np.zeros(0), is_correct_H=np.zeros(0, dtype=bool))
    assert nothing.precision(np.array([0.5])).tolist() == [1.0]


@pytest.mark.parametrize("seed", range(8))
def test_networks_that_are_sure_of_the_mistakes_that_labels_make_are_found_out_by_verified_clips(seed: int) -> None:
    generator = np.random.default_rng(seed)
    drawn = drawn_labels(generator, clips=4300, classes=5)
    # Of every tenth clip networks are more or less sure that it is the next class, which labels take it for as well.
    p_NK, true_N = drawn.p_NK.copy(), drawn.true_N
    fooled = generator.permutation(4300)[:430]
    doubt_F1 = 10 ** -generator.uniform(2, 6, size=(430, 1))
    p_NK[fooled] = (1 - doubt_F1) * np.eye(5)[(true_N[fooled] + 1) % 5] + doubt_F1 / 5
    chance, right = p_label_correct(p_NK, drawn.given_N, drawn.transition_KK), drawn.given_N == true_N
    held, rest = np.arange(300), np.arange(300, 4300)
    held_out = hold_out(p_NK[held], true_N[held], drawn.transition_KK, admitted_VK=np.ones((300, 5), dtype=bool))
    alone, both = (
        accept_threshold(chance[rest], precision=0.95, held_out=witness).accepts(chance[rest])
        for witness in (None, held_out)
    )
    assert right[rest][alone].mean() < 0.94
    assert not both.any()


def test_verified_clips_agree_with_honest_probabilities() -> None:
    drawn = drawn_labels(np.random.default_rng(11), clips=8000, classes=5)
    chance = p_label_correct(drawn.p_NK, drawn.given_N, drawn.transition_KK)
    held_out = hold_out(
        drawn.p_NK[:2000], drawn.true_N[:2000], drawn.transition_KK, admitted_VK=np.ones((2000, 5), dtype=bool)
    )
    for threshold in (0.5, 0.8, 0.95):
        seen = (drawn.given_N == drawn.true_N)[chance >= threshold].mean()
        assert held_out.precision(np.array([threshold]))[0] == pytest.approx(seen, abs=0.01)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.floats(0, 1), st.floats(0, 1))
def test_more_precision_never_accepts_more(chances: list[float], one: float, other: float) -> None:
    loose, strict = (
        accept_threshold(np.array(chances), precision=precision).accepted for precision in sorted((one, other))
    )
    assert strict <= loose


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.floats(0, 1))
def test_the_chosen_threshold_is_the_lowest_that_assures_enough(chances: list[float], precision: float) -> None:
    p_N = np.array(chances)

    def assured(threshold: float) -> float:
        accepted = p_N[p_N >= threshold]
        wrong = (1 - accepted).sum()
        return max(0.0, 1 - max(wrong, stats.poisson.ppf(0.95, wrong)) / len(accepted))

    passing = [threshold for threshold in sorted(set(chances)) if assured(threshold) >= precision - 1e-9]
    chosen = accept_threshold(p_N, precision=precision)
    if chosen.threshold is None:
        assert not [threshold for threshold in passing if assured(threshold) >= precision + 1e-9]
    else:
        assert chosen.threshold == passing[0] or assured(passing[0]) < precision + 1e-9
