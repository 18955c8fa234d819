import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.verification.auto_accept import HeldOut, accept_threshold, acceptance_curve, first_reaching, hold_out
from ml.verification.noise_transitions import p_label_correct
from tests.ml.verification.drawn_labels import drawn_labels

Z = 1.6448536269514722  # of 95 %, one-sided
TRANSITION = np.array([[0.9, 0.1], [0.4, 0.6]])


def test_so_many_wrong_labels_must_be_allowed_as_there_are_at_most_in_19_of_20_cases() -> None:
    # 100 labels of 0.99: 1 is expected to be wrong, at most 1 + 1.645 sqrt(0.99) = 2.64 are.
    chosen = accept_threshold(np.full(100, 0.99), precision=0.97)
    assert (chosen.threshold, chosen.accepted, chosen.clips) == (0.99, 100, 100)
    assert chosen.precision == pytest.approx(1 - (1 + Z * 0.99**0.5) / 100)
    assert accept_threshold(np.full(100, 0.99), precision=0.98).reason == (
        "At most 0.974 can be assured; 0.98 was asked for."
    )
    # Of ten times as many 10 + 1.645 sqrt(9.9) = 15.2.
    assert accept_threshold(np.full(1000, 0.99), precision=0.98).accepted == 1000


def test_the_limit_holds_in_19_of_20_draws_of_honest_labels() -> None:
    generator = np.random.default_rng(0)
    p_N = generator.beta(8, 1, size=2000)
    accepted = accept_threshold(p_N, precision=0.95).accepts(p_N)
    assert accepted.mean() > 0.5
    right = [(generator.uniform(size=accepted.sum()) < p_N[accepted]).mean() for _ in range(2000)]
    assert np.mean(np.array(right) >= 0.95) == pytest.approx(0.95, abs=0.02)


def test_the_smallest_threshold_that_assures_enough_is_chosen() -> None:
    p_N = np.concatenate([np.full(50, 0.999), np.full(50, 0.9), np.full(50, 0.5)])
    chosen = accept_threshold(p_N, precision=0.9)
    assert (chosen.threshold, chosen.accepted, chosen.clips) == (0.9, 100, 150)
    assert chosen.accepts(np.array([0.89, 0.9, 1.0])).tolist() == [False, True, True]


def test_no_threshold_accepts_nothing_and_says_why() -> None:
    chosen = accept_threshold(np.array([0.7]), precision=0.9)
    assert chosen.reason == "At most 0.000 can be assured; 0.9 was asked for."
    assert not chosen.accepts(np.array([1.0])).any()
    assert accept_threshold(np.zeros(0), precision=0.9).reason == (
        "No label may be accepted unheard; 0.9 was asked for."
    )
    with pytest.raises(ValueError, match=r"p_correct_N holds 0\.5 to 1\.5"):
        accept_threshold(np.array([0.5, 1.5]), precision=0.9)
    with pytest.raises(ValueError, match="precision"):
        first_reaching([], precision=1.1, clips=0)


def test_labels_that_are_certain_reach_any_precision() -> None:
    assert accept_threshold(np.array([1.0, 1.0, 0.9]), precision=1.0).accepted == 2


def test_points_that_accept_fewer_and_assure_no_more_are_left_out() -> None:
    curve = acceptance_curve(np.append(np.full(100, 0.99), 0.995))  # one label alone assures little
    assert curve.threshold_M.tolist() == [0.99]
    assert curve.accepted_M.tolist() == [101]
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
    # At 0.9 both count under label 0, at 0.39 under both; at 0.99 nothing does.
    precision = held_out.precision(np.array([0.39, 0.9, 0.99]))
    assert precision.tolist() == pytest.approx([(0.9 + 0.6) / 2, 0.9 / 1.3, 1.0])


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
        weight_H=np.array([0.9, 0.1, 1.0]),
        is_correct_H=np.array([True, False, True]),
    )
    chosen = accept_threshold(p_N, precision=0.99, held_out=against)
    assert (chosen.threshold, chosen.accepted) == (0.999, 900)


def test_networks_that_are_sure_of_the_mistakes_that_labels_make_are_found_out_by_verified_clips() -> None:
    drawn = drawn_labels(np.random.default_rng(11), clips=8000, classes=5)
    # Of every tenth clip networks are sure that it is the next class, which labels take it for as well.
    p_NK, true_N = drawn.p_NK.copy(), drawn.true_N
    fooled = np.arange(0, len(true_N), 10)
    p_NK[fooled] = 0.998 * np.eye(5)[(true_N[fooled] + 1) % 5] + 0.002 / 5
    chance, right = p_label_correct(p_NK, drawn.given_N, drawn.transition_KK), drawn.given_N == true_N
    held, rest = np.arange(2000), np.arange(2000, 8000)
    held_out = hold_out(p_NK[held], true_N[held], drawn.transition_KK, admitted_VK=np.ones((2000, 5), dtype=bool))
    alone, both = (
        right[rest][accept_threshold(chance[rest], precision=0.97, held_out=witness).accepts(chance[rest])]
        for witness in (None, held_out)
    )
    assert alone.mean() < 0.965
    assert not len(both) or both.mean() > 0.965


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
        return max(0.0, 1 - ((1 - accepted).sum() + Z * np.sqrt((accepted * (1 - accepted)).sum())) / len(accepted))

    passing = [threshold for threshold in sorted(set(chances)) if assured(threshold) >= precision - 1e-9]
    chosen = accept_threshold(p_N, precision=precision)
    if chosen.threshold is None:
        assert not [threshold for threshold in passing if assured(threshold) >= precision + 1e-9]
    else:
        assert chosen.threshold == passing[0] or assured(passing[0]) < precision + 1e-9
