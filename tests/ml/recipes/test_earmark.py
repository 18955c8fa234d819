from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml.recipes.candidates import CandidateSet
from ml.recipes.earmark import MOST_FOLDS, EarmarkRecipe
from ml.recipes.plan import Output, Plan, State, Step
from tests.ml.recipes.feedback_cases import answered, rejecting
from tests.ml.recipes.small_run import finish_run, make_candidates, make_plan, open_run

RECIPE = EarmarkRecipe()
K = 4


def candidates_with_errors(count: int = 480, *, wrong: float = 0.25) -> tuple[CandidateSet, np.ndarray]:
    """Return clips and their true classes; of the non-verified ones some of class 0 are said to be of class 1."""
    rng = np.random.default_rng(0)
    true_N = np.arange(count) % K
    candidates = make_candidates(count, n_classes=K, n_groups=8, label_N=true_N)
    flipped_N = candidates.candidate_N & (true_N == 0) & (rng.random(count) < wrong * K)
    label_N = np.where(flipped_N, 1, true_N)
    return make_candidates(count, n_classes=K, n_groups=8, label_N=label_N), true_N


def believed(true_N: np.ndarray, *, surety: float = 2.0, seed: int = 0) -> np.ndarray:
    """Return what a network might think that hears the truth through noise, well calibrated."""
    rng = np.random.default_rng(seed)
    score_NK = rng.normal(size=(len(true_N), K)) * np.sqrt(surety) + surety * np.eye(K)[true_N]
    p_NK = np.exp(score_NK)
    return np.asarray(p_NK / p_NK.sum(axis=1, keepdims=True))


def outputs_of(
    candidates: CandidateSet, plan: Plan, state: State, p_NK: np.ndarray, *, iteration: int = 0
) -> list[Output]:
    """Return what steps give whose networks think `p_NK`."""
    found = []
    for step in plan.steps(iteration):
        judged = RECIPE.work(candidates, plan, state, step).judged
        found.append(Output(step=step, clip_J=judged, p_JK=p_NK[judged]))
    return found


def fused(candidates: CandidateSet, p_NK: np.ndarray, **shape: int) -> tuple[Plan, State, dict[str, Any]]:
    plan = make_plan(**{"n_folds": 4, **shape})
    state = RECIPE.begin(candidates, plan, seed=0)
    after, row = RECIPE.fuse(candidates, plan, state, outputs_of(candidates, plan, state, p_NK), iteration=0)
    return plan, after, row


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


def test_wrong_labels_are_doubted_and_accepted_ones_keep_the_precision() -> None:
    candidates, true_N = candidates_with_errors(4_800)
    plan, state, _ = fused(candidates, believed(true_N, surety=3.0))
    judged = candidates.candidate_N
    right = (candidates.label_N == true_N)[judged]

    for precision in (0.9, 0.97):
        verdict = RECIPE.verdict(candidates, plan, state, precision=precision)
        p_correct = verdict.p_correct_N[judged]
        assert p_correct[right].mean() > p_correct[~right].mean() + 0.3
        accepted = verdict.accept_N[judged]
        unknown = {**state, "calibrated": np.array([False])}
        assert not RECIPE.verdict(candidates, plan, unknown, precision=precision).accept_N.any()
        assert not verdict.accept_N[~judged].any()
        assert accepted.mean() > 0.3
        assert p_correct[accepted].mean() >= precision - 1e-9
        assert right[accepted].mean() > precision - 0.03
        assert (p_correct[accepted].min() >= p_correct[~accepted]).all()
        assert (verdict.label_N == true_N)[judged].mean() > right.mean()


def test_nothing_is_accepted_where_nothing_is_known() -> None:
    candidates, _ = candidates_with_errors()
    plan, state, _ = fused(candidates, np.full((480, K), 1 / K))

    verdict = RECIPE.verdict(candidates, plan, state, precision=0.999)

    assert not verdict.accept_N.any()


def test_a_test_clip_has_a_prediction_and_no_label_to_be_right() -> None:
    test_N = np.arange(480) >= 420
    true_N = np.arange(480) % K
    label_N = np.where(test_N, -1, true_N)
    candidates = make_candidates(
        480, n_classes=K, n_groups=8, test_N=test_N, label_N=label_N, verified_N=np.arange(480) < 200
    )
    plan, state, _ = fused(candidates, believed(true_N, surety=9.0))

    verdict = RECIPE.verdict(candidates, plan, state, precision=0.95)

    assert np.isnan(verdict.p_correct_N[test_N]).all()
    assert np.isfinite(verdict.p_correct_N[~test_N]).all()
    assert not verdict.accept_N[test_N].any()
    assert (verdict.label_N == true_N)[test_N].mean() > 0.9


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


def half_answered(**shape: Any) -> tuple[CandidateSet, np.ndarray]:
    """Return candidates of which people have answered every other one."""
    candidates, true_N = candidates_with_errors(**shape)
    return answered(candidates, true_N, np.arange(len(candidates)) // 8 % 2 == 0), true_N


def test_what_is_left_of_a_rejected_clip_teaches_with_the_weight_of_what_is_known() -> None:
    candidates, true_N = half_answered()
    plan = make_plan(n_folds=4)
    state = RECIPE.begin(candidates, plan, seed=0)
    rejected = candidates.rejected_N
    assert rejected.sum() > 20

    # At first: class 1, which was said, is out, and of the others nothing is known.
    np.testing.assert_allclose(state["target"][rejected], [[1 / 3, 0, 1 / 3, 1 / 3]] * rejected.sum())
    np.testing.assert_allclose(state["weight"][rejected], 1 / 3)
    after, _ = RECIPE.fuse(candidates, plan, state, outputs_of(candidates, plan, state, believed(true_N)), iteration=0)
    target_NK = after["target"][rejected]
    assert (target_NK[:, 1] == 0).all()
    np.testing.assert_allclose(target_NK.sum(axis=1), 1)
    np.testing.assert_array_equal(after["weight"][rejected], target_NK.max(axis=1))
    reviewed = candidates.reviewed_N
    assert reviewed is not None
    np.testing.assert_array_equal(after["target"][reviewed], np.eye(K)[true_N[reviewed]])
    np.testing.assert_array_equal(after["weight"][reviewed], 1)
    work = RECIPE.work(candidates, plan, after, Step(1, 0, 0))
    taught = np.isin(work.trained_S, np.flatnonzero(rejected))
    assert taught.any()
    assert not work.verified_S[taught].any()
    np.testing.assert_array_equal(work.target_SK[taught], after["target"][work.trained_S[taught]])


@pytest.mark.parametrize("seed", range(3))
def test_rejected_clips_are_judged_by_those_who_heard_other_groups_only(seed: int) -> None:
    candidates, _ = half_answered()
    plan = make_plan(n_folds=3)
    state = RECIPE.begin(candidates, plan, seed=seed)

    judged: list[int] = []
    for step in plan.steps(0):
        work = RECIPE.work(candidates, plan, state, step)
        assert not set(candidates.group_N[work.trained_S]) & set(candidates.group_N[work.judged])
        judged += work.judged.tolist()
    assert sorted(judged) == list(range(len(candidates)))


def test_a_rejected_label_is_wrong_never_accepted_and_another_is_proposed() -> None:
    candidates, true_N = half_answered(count=960)
    plan = make_plan(n_folds=4)
    state = RECIPE.begin(candidates, plan, seed=0)
    outputs = outputs_of(candidates, plan, state, believed(true_N, surety=3.0))
    after, _ = RECIPE.fuse(candidates, plan, state, outputs, iteration=0)

    for precision in (0.0, 0.9):
        verdict = RECIPE.verdict(candidates, plan, after, precision=precision)
        rejected = candidates.rejected_N
        assert (verdict.p_correct_N[rejected] == 0).all()
        assert not verdict.accept_N[rejected].any()
        assert (verdict.label_N[rejected] != candidates.label_N[rejected]).all()
        assert (verdict.label_N == true_N)[rejected].mean() > 0.85


def test_what_people_rejected_shows_how_labels_err_in_the_next_run() -> None:
    # Half of class 0 are called 1, and people have found all of these.
    candidates, true_N = candidates_with_errors(wrong=0.15)
    given_N = candidates.label_N
    heard = candidates.candidate_N & (given_N != true_N)
    plan, state, _ = fused(answered(candidates, true_N, heard), believed(true_N))
    missing = replace(candidates, test_N=heard, label_N=np.where(heard, -1, given_N))
    _, dropped, _ = fused(missing, believed(true_N))

    truth = (given_N == 1)[candidates.candidate_N & (true_N == 0)].mean()
    assert state["transition"][0, 1] == pytest.approx(truth, abs=0.08)
    assert dropped["transition"][0, 1] < truth - 0.2
    assert plan.n_folds == 4


def test_an_open_label_beside_a_rejected_one_is_judged_among_what_is_left() -> None:
    candidates, true_N = candidates_with_errors()
    clip = int(np.flatnonzero(candidates.candidate_N & (true_N == 2))[0])
    p_NK = believed(true_N)
    p_NK[clip] = [0.05, 0.05, 0.3, 0.6]
    plan, before, _ = fused(candidates, p_NK)
    told = rejecting(candidates, clip, 3)
    _, after, _ = fused(told, p_NK)

    known, verdict = (
        RECIPE.verdict(one, plan, state, precision=0.9) for one, state in ((candidates, before), (told, after))
    )
    assert told.candidate_N[clip]
    assert after["target"][clip, 3] == 0
    assert verdict.label_N[clip] == 2
    assert 1 - verdict.p_correct_N[clip] < (1 - known.p_correct_N[clip]) / 3


def test_a_clip_of_which_no_class_is_left_teaches_nothing_and_is_given_none() -> None:
    candidates, true_N = candidates_with_errors()
    clip = int(np.flatnonzero(candidates.candidate_N)[0])
    told = rejecting(candidates, clip, *range(K), label=-1)
    plan, state, _ = fused(told, believed(true_N))

    for step in plan.steps(1):
        work = RECIPE.work(told, plan, state, step)
        assert clip not in work.trained_S
        assert clip not in work.judged
    verdict = RECIPE.verdict(told, plan, state, precision=0.9)
    assert verdict.label_N[clip] == -1
    assert not verdict.accept_N[clip]
    assert np.isfinite(state["target"]).all()


def test_of_two_classes_a_rejected_clip_has_the_other_one() -> None:
    candidates = make_candidates(48, n_classes=2, n_groups=8)
    clip = int(np.flatnonzero(candidates.candidate_N)[0])
    told = rejecting(candidates, clip, 0)
    assert told.label_N[clip] == 0
    plan = make_plan(n_folds=4)
    state = RECIPE.begin(told, plan, seed=0)
    assert state["weight"][clip] == state["weight"][told.candidate_N].max()  # people left it; nobody vouched for it
    after, _ = RECIPE.fuse(told, plan, state, outputs_of(told, plan, state, np.full((48, 2), 0.5)), iteration=0)

    np.testing.assert_array_equal(after["target"][clip], [0, 1])
    assert RECIPE.verdict(told, plan, after, precision=0.9).label_N[clip] == 1


def test_a_group_of_rejected_clips_alone_is_judged_too() -> None:
    group_N = np.arange(24) // 6
    candidates = make_candidates(group_N=group_N, verified_N=group_N < 2)
    told = candidates
    for clip in np.flatnonzero(group_N == 3):
        told = rejecting(told, int(clip), int(candidates.label_N[clip]))
    plan = make_plan(n_folds=RECIPE.plan(told, sample_rate_hz=8_000).n_folds)
    state = RECIPE.begin(told, plan, seed=0)

    assert plan.n_folds == 2
    judged = [RECIPE.work(told, plan, state, step).judged.tolist() for step in plan.steps(0)]
    assert set(np.flatnonzero(group_N >= 2)) <= {clip for part in judged for clip in part}


def test_a_run_with_rejected_clips_ends_with_a_proposal_for_each(tmp_path: Path) -> None:
    candidates = make_candidates(48, n_groups=8)
    told = rejecting(candidates, int(np.flatnonzero(candidates.candidate_N)[0]), 0)
    run = open_run(tmp_path, told, make_plan())
    finish_run(run)

    verdict = run.verdict(precision=0.9)

    assert verdict.label_N[told.rejected_N].tolist() != [0]
    assert (verdict.label_N >= 0).all()


def test_clips_that_were_reviewed_because_they_were_doubted_do_not_say_how_sure_networks_are() -> None:
    candidates, true_N = candidates_with_errors()
    p_NK = believed(true_N)
    doubted_N = candidates.candidate_N & (candidates.label_N == true_N) & (p_NK[np.arange(len(true_N)), true_N] < 0.4)
    reviewed = answered(candidates, true_N, doubted_N)
    assert doubted_N.sum() > 20

    def temperature(told: CandidateSet) -> float:
        return float(fused(told, p_NK)[2]["temperature"])

    assert temperature(reviewed) == temperature(candidates)
    # Nobody else is left to ask.
    alone = replace(reviewed, reviewed_N=reviewed.verified_N)
    assert temperature(alone) > 1.2 * temperature(candidates)
