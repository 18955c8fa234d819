from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml.recipes.candidates import CandidateSet
from ml.recipes.plan import Step
from tests.ml.recipes.earmark_cases import RECIPE, K, believed, candidates_with_errors, fused, half_answered, outputs_of
from tests.ml.recipes.feedback_cases import answered, rejecting
from tests.ml.recipes.small_run import finish_run, make_candidates, make_plan, open_run


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
