from __future__ import annotations

import numpy as np
import pytest

from ml.recipes.earmark import MOST_FOLDS
from ml.recipes.plan import Output, Step
from tests.ml.recipes.earmark_cases import RECIPE, K, believed, candidates_with_errors, fused, outputs_of
from tests.ml.recipes.small_run import make_candidates, make_plan


def test_the_plan_has_folds_for_the_groups_that_are_judged() -> None:
    def folds(judged_groups: int) -> int:
        groups = judged_groups + 2
        group_N = np.arange(60) % groups
        candidates = make_candidates(60, group_N=group_N, verified_N=group_N < 2)
        return RECIPE.plan(candidates, sample_rate_hz=8_000).n_folds

    assert [folds(judged) for judged in (1, 2, 3, 50)] == [1, 2, 3, MOST_FOLDS]


def test_at_first_labels_are_taken_as_they_are_and_verified_ones_weigh_more() -> None:
    candidates = make_candidates()

    state = RECIPE.begin(candidates, make_plan(), seed=0)

    np.testing.assert_array_equal(state["target"], np.eye(3)[candidates.label_N])
    assert set(state["weight"][candidates.verified_N]) == {1.0}
    assert set(state["weight"][candidates.candidate_N]) < {number / 100 for number in range(1, 100)}


@pytest.mark.parametrize("seed", range(3))
def test_every_label_is_judged_once_by_those_who_heard_other_groups_only(seed: int) -> None:
    test_N = np.arange(48) >= 40
    candidates = make_candidates(
        48, n_groups=8, test_N=test_N, label_N=np.where(test_N, -1, np.arange(48) % 3), verified_N=np.arange(48) < 12
    )
    plan = make_plan(n_folds=3)
    state = RECIPE.begin(candidates, plan, seed=seed)

    judged = []
    for step in plan.steps(0):
        work = RECIPE.work(candidates, plan, state, step)
        assert not set(candidates.group_N[work.trained_S]) & set(candidates.group_N[work.judged][~test_N[work.judged]])
        assert not test_N[work.trained_S].any()
        assert set(work.judged[test_N[work.judged]]) == set(np.flatnonzero(test_N))
        np.testing.assert_array_equal(work.target_SK.sum(axis=1), 1)
        np.testing.assert_array_equal(work.verified_S, candidates.verified_N[work.trained_S])
        judged += work.judged[~test_N[work.judged]].tolist()
    assert sorted(judged) == list(range(40))


def test_in_the_end_networks_that_heard_all_groups_judge_groups_that_nobody_heard() -> None:
    # Group 7 is for test, and so is a clip of group 6, whose other clips are learned from.
    group_N = np.arange(48) // 6
    test_N = (group_N == 7) | (np.arange(48) == 41)
    candidates = make_candidates(
        48, group_N=group_N, test_N=test_N, label_N=np.where(test_N, -1, np.arange(48) % 3), verified_N=group_N < 3
    )
    plan = RECIPE.plan(candidates, sample_rate_hz=8_000)
    state = RECIPE.begin(candidates, plan, seed=0)
    last = plan.iterations - 1

    assert plan.n_whole > 0
    assert [len(plan.steps(iteration)) for iteration in range(last)] == [plan.n_folds] * last
    assert len(plan.steps(last)) == plan.n_whole
    for step in plan.steps(last):
        work = RECIPE.work(candidates, plan, state, step)
        assert work.trained_S.tolist() == np.flatnonzero(~test_N).tolist()
        assert work.judged.tolist() == list(range(42, 48))
        assert plan.origin(step) == Step(last - 1, 0, step.fold)
    for step in plan.steps(0):
        assert not set(RECIPE.work(candidates, plan, state, step).judged) & set(range(42, 48))
    # They alone say what those clips are, and nothing of others.
    p_NK = believed(np.arange(48) % 3)[:, :3]
    p_NK /= p_NK.sum(axis=1, keepdims=True)
    before, row = RECIPE.fuse(candidates, plan, state, outputs_of(candidates, plan, state, p_NK), iteration=0)
    sure = np.tile([0.9, 0.05, 0.05], (6, 1))
    outputs = [Output(step=step, clip_J=np.arange(42, 48), p_JK=sure) for step in plan.steps(last)]
    after, last_row = RECIPE.fuse(candidates, plan, before, outputs, iteration=last)
    softened = sure ** (1 / row["temperature"])
    np.testing.assert_allclose(after["p"][42:], softened / softened.sum(axis=1, keepdims=True))
    np.testing.assert_allclose(after["p_members"][0, 42:], sure)
    np.testing.assert_array_equal(after["p"][:42], before["p"][:42])
    for name in ("target", "weight", "transition", "calibrated"):
        np.testing.assert_array_equal(after[name], before[name])
    assert last_row == {**row, "iteration": last + 1, "strangers": 6}


def test_without_clips_of_unheard_groups_nothing_is_trained_for_them() -> None:
    test_N = np.arange(24) == 20  # others of its group are learned from
    heard = make_candidates(test_N=test_N, label_N=np.where(test_N, -1, np.arange(24) % 3))

    for candidates in (make_candidates(), heard):
        assert RECIPE.plan(candidates, sample_rate_hz=8_000).n_whole == 0


@pytest.mark.parametrize("with_verified", [True, False])
def test_a_single_group_is_judged_by_all_others(with_verified: bool) -> None:  # noqa: FBT001 -- a parameter of the test
    group_N = np.arange(24) // 6
    verified_N = group_N < 3
    if with_verified:
        verified_N |= np.arange(24) == 20
    candidates = make_candidates(group_N=group_N, verified_N=verified_N)
    plan = make_plan(n_folds=RECIPE.plan(candidates, sample_rate_hz=8_000).n_folds)
    state = RECIPE.begin(candidates, plan, seed=0)

    (step,) = plan.steps(0)
    work = RECIPE.work(candidates, plan, state, step)

    assert work.trained_S.tolist() == list(range(18))
    assert work.judged.tolist() == list(range(18, 24))


def test_posteriors_become_the_labels_of_what_is_judged_and_of_nothing_else() -> None:
    candidates, true_N = candidates_with_errors()

    _, after, row = fused(candidates, believed(true_N))

    judged, verified = candidates.candidate_N, candidates.verified_N
    np.testing.assert_array_equal(after["target"][verified], np.eye(K)[true_N[verified]])
    np.testing.assert_array_equal(after["weight"][verified], 1)
    np.testing.assert_allclose(after["target"][judged].sum(axis=1), 1)
    np.testing.assert_array_equal(after["weight"][judged], after["target"][judged].max(axis=1))
    # Labels are right more often after than before.
    better = (after["target"].argmax(axis=1) == true_N)[judged].mean()
    assert better > (candidates.label_N == true_N)[judged].mean() + 0.1
    assert row["iteration"] == 1
    assert row["correct_1st"] + row["correct_2nd"] + row["correct_3rd"] + row["incorrect"] == judged.sum()
    assert 0 < row["map_at_3"] < 1
    wrong = (candidates.label_N != true_N)[judged].mean()
    assert row["expected_wrong"] == pytest.approx(wrong, abs=0.07)


def test_too_sure_networks_are_cooled_on_verified_clips() -> None:
    candidates, true_N = candidates_with_errors()
    p_NK = believed(true_N)
    sure_NK = p_NK**3 / (p_NK**3).sum(axis=1, keepdims=True)

    _, after, row = fused(candidates, sure_NK)

    assert row["temperature"] == pytest.approx(3, rel=0.3)
    np.testing.assert_allclose(after["p"], p_NK, atol=0.2)


def test_members_are_joined_and_kept_for_their_disagreement() -> None:
    candidates, true_N = candidates_with_errors(80)

    _, after, _ = fused(candidates, believed(true_N), members=2)

    assert after["p_members"].shape == (2, 80, K)


def test_the_same_seed_gives_the_same_folds_and_another_other_ones() -> None:
    group_N = np.arange(120) // 3
    candidates = make_candidates(120, group_N=group_N, verified_N=group_N % 2 == 0)
    folds = [RECIPE.begin(candidates, make_plan(n_folds=4), seed=seed)["fold"] for seed in (0, 0, 1)]

    np.testing.assert_array_equal(folds[0], folds[1])
    assert (folds[0] != folds[2]).any()


def test_what_is_passed_on_can_be_stored() -> None:
    candidates, true_N = candidates_with_errors(80)
    plan, state, row = fused(candidates, believed(true_N))

    assert {array.dtype.kind for array in state.values()} <= {"f", "i", "b"}
    assert all(isinstance(value, int | float) for value in row.values())
    assert Step(1, 0, 0) in plan.steps(1)
