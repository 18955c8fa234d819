import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.verification.simulation import SHARES, ReviewPool, at_random, by_score, simulate, simulated_answers

# Clips 1 and 3 are wrong; the rater knows all but clip 3, whose label is taken away.
POOL = ReviewPool(
    true_N=np.array([0, 1, 2, 0]),
    candidate_N=np.array([0, 0, 2, 1]),
    answer_N=np.array([0, 1, 2, -1]),
    duration_s_N=np.array([10.0, 20.0, 10.0, 40.0]),
)
WORST_FIRST = by_score(np.array([0.1, 0.8, 0.2, 0.9]))


def noisy_pool(seed: int, clips: int = 300) -> tuple[ReviewPool, np.ndarray]:
    generator = np.random.default_rng(seed)
    true = generator.integers(0, 5, size=clips)
    candidate = np.where(generator.uniform(size=clips) < 0.3, (true + 1) % 5, true)
    suspicion = (candidate != true) + generator.normal(scale=0.7, size=clips)
    answer = simulated_answers(true, n_classes=5, accuracy=1.0, generator=generator)
    pool = ReviewPool(true_N=true, candidate_N=candidate, answer_N=answer, duration_s_N=np.full(clips, 10.0))
    return pool, suspicion


def test_a_review_by_hand() -> None:
    curve = simulate(POOL, {"worst first": WORST_FIRST}, overhead_s=20.0)["worst first"]
    assert curve.order_R.tolist() == [3, 1, 2, 0]
    # right and labelled: 2 of 4; clip 3 leaves: 2 of 3; clip 1 becomes right: 3 of 3; nothing more changes
    np.testing.assert_allclose(curve.accuracy_R1, [2 / 4, 2 / 3, 1, 1, 1])
    np.testing.assert_allclose(curve.minutes_R1, [0, 1, 1 + 40 / 60, 1 + 70 / 60, 1 + 100 / 60])
    np.testing.assert_allclose(curve.found_R1, [0, 1 / 2, 1, 1, 1])


def test_the_area_is_the_mean_accuracy() -> None:
    curve = simulate(POOL, {"": WORST_FIRST}, overhead_s=20.0)[""]
    assert curve.area == pytest.approx(((1 / 2 + 2 / 3) / 2 + (2 / 3 + 1) / 2 + 1 + 1) / 4)


def test_accuracy_after_minutes_counts_finished_ratings() -> None:
    curve = simulate(POOL, {"": WORST_FIRST}, overhead_s=20.0)[""]
    assert [curve.accuracy_after_minutes(minutes) for minutes in (0, 0.99, 1, 1.7, 99)] == pytest.approx(
        [1 / 2, 1 / 2, 2 / 3, 1, 1]
    )
    with pytest.raises(ValueError, match="minutes = -1"):
        curve.accuracy_after_minutes(-1)


def test_recall_after_a_share_of_the_clips() -> None:
    curve = simulate(POOL, {"": WORST_FIRST}, overhead_s=0.0)[""]
    assert [curve.recall_at(share) for share in (0, 0.25, 0.49, 0.5, 1)] == [0, 0.5, 0.5, 1, 1]
    with pytest.raises(ValueError, match="share = 2"):
        curve.recall_at(2)


def test_all_policies_end_alike_if_the_whole_pool_is_heard() -> None:
    pool, suspicion = noisy_pool(13)
    policies = {
        "suspicion": by_score(suspicion),
        "reverse": by_score(-suspicion),
        "random": at_random(300, generator=np.random.default_rng(1)),
    }
    curves = simulate(pool, policies, overhead_s=5.0)
    assert {curve.accuracy_R1[-1] for curve in curves.values()} == {1.0}
    assert {curve.found_R1[-1] for curve in curves.values()} == {1.0}
    assert curves["suspicion"].area > curves["random"].area > curves["reverse"].area
    recalls = [[curves[name].recall_at(share) for share in SHARES] for name in policies]
    assert all(first > third > second for first, second, third in zip(*recalls, strict=True))


def test_a_random_policy_finds_what_its_share_of_the_clips_holds() -> None:
    pool, _ = noisy_pool(14, clips=3000)
    curve = simulate(pool, {"": at_random(3000, generator=np.random.default_rng(2))}, overhead_s=5.0)[""]
    assert [curve.recall_at(share) for share in SHARES] == pytest.approx(SHARES, abs=0.04)


def test_clips_without_a_recorded_answer_are_never_shown() -> None:
    pool = ReviewPool(
        true_N=POOL.true_N,
        candidate_N=POOL.candidate_N,
        answer_N=POOL.answer_N,
        duration_s_N=POOL.duration_s_N,
        answered_N=np.array([True, True, False, False]),
    )
    curve = simulate(pool, {"": WORST_FIRST}, overhead_s=20.0)[""]
    assert curve.order_R.tolist() == [1, 0]
    np.testing.assert_allclose(curve.accuracy_R1, [2 / 4, 3 / 4, 3 / 4])
    assert curve.recall_at(1) == 0.5  # half of the wrong labels cannot be found
    assert pool.answered_N.tolist() == [True, True, False, False]  # the pool stays as it was


def test_without_any_answer_nothing_changes() -> None:
    pool = ReviewPool(
        true_N=POOL.true_N,
        candidate_N=POOL.candidate_N,
        answer_N=POOL.answer_N,
        duration_s_N=POOL.duration_s_N,
        answered_N=np.zeros(4, dtype=bool),
    )
    curve = simulate(pool, {"": WORST_FIRST}, overhead_s=20.0)[""]
    assert (curve.area, curve.recall_at(1)) == (0.5, 0.0)


def test_a_policy_learns_from_the_answers_between_rounds() -> None:
    seen: list[tuple[list[int], list[bool]]] = []

    def policy(label: np.ndarray, heard: np.ndarray) -> np.ndarray:
        seen.append((label.tolist(), heard.tolist()))
        return np.array([0.1, 0.8, 0.2, 0.9]) if len(seen) == 1 else np.array([0.9, 0.8, 0.2, 0.1])

    curve = simulate(POOL, {"": policy}, overhead_s=20.0, round_size=2)[""]
    assert curve.order_R.tolist() == [3, 1, 0, 2]
    assert seen == [
        ([0, 0, 2, 1], [False, False, False, False]),
        ([0, 1, 2, -1], [False, True, False, True]),
    ]


def test_a_bad_rater_makes_right_labels_wrong() -> None:
    true = np.zeros(100, dtype=int)
    answer = simulated_answers(true, n_classes=3, accuracy=0.0, generator=np.random.default_rng(3))
    pool = ReviewPool(true_N=true, candidate_N=true, answer_N=answer, duration_s_N=np.ones(100))
    curve = simulate(pool, {"": by_score(np.zeros(100))}, overhead_s=1.0)[""]
    np.testing.assert_allclose(curve.accuracy_R1, 1 - np.arange(101) / 100)
    assert np.isnan(curve.found_R1).all()  # no label was wrong


def test_once_all_labels_are_taken_away_there_is_no_accuracy() -> None:
    pool = ReviewPool(
        true_N=np.array([0]), candidate_N=np.array([1]), answer_N=np.array([-1]), duration_s_N=np.array([1.0])
    )
    assert np.isnan(simulate(pool, {"": by_score(np.zeros(1))}, overhead_s=1.0)[""].accuracy_R1[-1])


def test_raters_are_as_accurate_as_asked_and_err_evenly() -> None:
    true = np.full(30_000, 2)
    answer = simulated_answers(true, n_classes=4, accuracy=0.7, generator=np.random.default_rng(4))
    np.testing.assert_allclose(np.bincount(answer, minlength=4) / 30_000, [0.1, 0.1, 0.7, 0.1], atol=0.01)
    repeated = simulated_answers(true, n_classes=4, accuracy=0.7, generator=np.random.default_rng(4))
    assert np.array_equal(answer, repeated)


@given(st.integers(0, 10_000), st.integers(1, 50))
def test_rounds_do_not_change_a_policy_that_learns_nothing(seed: int, round_size: int) -> None:
    pool, suspicion = noisy_pool(seed, clips=40)
    whole = simulate(pool, {"": by_score(suspicion)}, overhead_s=5.0)[""]
    rounds = simulate(pool, {"": by_score(suspicion)}, overhead_s=5.0, round_size=round_size)[""]
    assert np.array_equal(whole.order_R, rounds.order_R)
    assert sorted(whole.order_R.tolist()) == list(range(40))
    assert np.all(np.diff(whole.accuracy_R1) >= 0)  # a perfect rater never harms


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="overhead_s = -1"):
        simulate(POOL, {}, overhead_s=-1)
    with pytest.raises(ValueError, match="round_size = 0"):
        simulate(POOL, {}, overhead_s=1, round_size=0)
    with pytest.raises(ValueError, match="expected as many"):
        ReviewPool(true_N=np.array([0]), candidate_N=np.array([0]), answer_N=np.array([]), duration_s_N=np.array([1.0]))
    with pytest.raises(ValueError, match="accuracy = 2"):
        simulated_answers(np.array([0]), n_classes=2, accuracy=2, generator=np.random.default_rng(0))
    with pytest.raises(ValueError, match="n_classes = 1"):
        simulated_answers(np.array([0]), n_classes=1, accuracy=1, generator=np.random.default_rng(0))
