from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ml.recipes.dorfer import DorferRecipe
from ml.recipes.plan import Step
from tests.ml.recipes.published_cases import (
    RECORDINGS,
    after,
    begun,
    check_member,
    check_verdict,
    clip_set,
    finished,
    many_clips,
    sure_of,
)

RECIPE = DorferRecipe()
CLIPS = many_clips()
SURE = sure_of(np.maximum(CLIPS.label_N, 0), 0.96, classes=4)


def test_each_fold_learns_from_all_others_first_and_judges_its_own_clips() -> None:
    plan, state = begun(RECIPE, CLIPS)
    judged = []
    for fold in range(plan.n_folds):
        work = RECIPE.work(CLIPS, plan, state, Step(0, 0, fold))
        own = np.flatnonzero(state["fold"] == fold)
        assert work.trained_S.tolist() == np.setdiff1d(np.arange(24), own).tolist()
        assert not set(CLIPS.group_N[work.trained_S]) & set(CLIPS.group_N[work.judged])
        assert work.validated.tolist() == own[CLIPS.verified_N[own]].tolist()
        assert set(work.judged) == {*own, 24, 25}
        judged += own.tolist()
    assert sorted(judged) == list(range(24))


def test_later_rounds_learn_from_verified_and_self_verified_clips_of_the_other_folds() -> None:
    plan, state = begun(RECIPE, CLIPS)
    p_NK = SURE.copy()
    p_NK[[1, 2]] = sure_of(CLIPS.label_N[[1, 2]], 0.94, classes=4)  # below the bar
    state, row = after(RECIPE, CLIPS, plan, state, p_NK, iteration=0)
    assert (row["verified"], row["added"]) == (8, 14)
    trusted = np.setdiff1d(np.arange(24), [1, 2])
    for fold in range(plan.n_folds):
        work = RECIPE.work(CLIPS, plan, state, Step(1, 0, fold))
        assert work.trained_S.tolist() == [n for n in trusted if state["fold"][n] != fold]
        assert work.target_SK.argmax(axis=1).tolist() == CLIPS.label_N[work.trained_S].tolist()
    assert plan.origin(Step(1, 0, 0)) == Step(0, 0, 0)
    assert plan.training(Step(1, 0, 0)).epochs == 30
    assert not plan.training(Step(1, 0, 0)).augmentation.mixup_alpha


def test_at_most_forty_of_a_class_verify_themselves_over_all_rounds_the_surest_first() -> None:
    labels = [0, 1] * 2 + [0] * 50
    clips = clip_set(labels, verified=[0, 1, 2, 3], classes=2)
    plan, state = begun(RECIPE, clips)
    p_NK = sure_of(labels, 0.96, classes=2)
    p_NK[-10:] = sure_of(labels[-10:], 0.97, classes=2)
    state, row = after(RECIPE, clips, plan, state, p_NK, iteration=0)
    assert row["added"] == 40
    assert state["admitted"].nonzero()[0].tolist() == [*range(4, 34), *range(44, 54)]
    state, row = after(RECIPE, clips, plan, state, p_NK, iteration=1)
    assert row["added"] == 0


def test_the_probabilities_of_the_round_that_fits_verified_clips_best_are_the_runs() -> None:
    plan, state = begun(RECIPE, CLIPS)
    for iteration, share in enumerate([0.5, 0.8, 0.6]):
        p_NK = sure_of(np.maximum(CLIPS.label_N, 0), share, classes=4)
        state, row = after(RECIPE, CLIPS, plan, state, p_NK, iteration=iteration)
        assert row["validation_loss"] == pytest.approx(-np.log(share))
    verdict = RECIPE.verdict(CLIPS, plan, state, precision=0.9)
    assert verdict.p_correct_N[:24] == pytest.approx([0.8] * 24)
    assert not verdict.accept_N.any()  # nothing ever exceeded 0.95


def test_a_fold_that_nothing_is_trusted_outside_of_goes_on_with_everything() -> None:
    clips = clip_set([0, 1, 0, 1, 0, 1], verified=[0, 1], groups=[0, 0, 1, 1, 2, 2], classes=2)
    plan, state = begun(RECIPE, clips)
    assert plan.n_folds == 3
    state, _ = after(RECIPE, clips, plan, state, sure_of(clips.label_N, 0.6, classes=2), iteration=0)
    fold = int(state["fold"][0])
    assert RECIPE.work(clips, plan, state, Step(1, 0, fold)).trained_S.tolist() == [2, 3, 4, 5]
    other = int(state["fold"][2])
    assert RECIPE.work(clips, plan, state, Step(1, 0, other)).trained_S.tolist() == [0, 1]


def test_clips_of_a_single_group_are_refused_since_nobody_may_judge_them() -> None:
    clips = clip_set([0, 1, 0, 1], verified=[0, 1], groups=[7, 7, 7, 7])
    with pytest.raises(ValueError, match="1 group: expected at least 2"):
        RECIPE.plan(clips, sample_rate_hz=8_000)


@pytest.mark.parametrize(("rate_hz", "duration_s"), RECORDINGS)
def test_the_network_takes_excerpts_of_any_recordings(rate_hz: int, duration_s: float) -> None:
    plan = RECIPE.plan(many_clips(duration_s=duration_s), sample_rate_hz=rate_hz)
    assert (plan.iterations, plan.n_folds) == (11, 4)
    check_member(plan.members[0], classes=4)


@pytest.mark.parametrize(
    ("rate_hz", "duration_s", "frames", "clip_frames", "count"),
    [
        (44_100, 30.0, 384, 3000, 25),
        (44_100, 10.0, 384, 1667, 25),  # 320,000 // 192 + 1
        (32_000, 2.304, 384, 385, 2),  # 73,728 / 192 + 1: one place more than the excerpt
        (8_000, 0.4, 192, 192, 1),  # the network's least
    ],
)
def test_clips_are_cut_to_3000_frames_or_the_longest(
    rate_hz: int, duration_s: float, frames: int, clip_frames: int, count: int
) -> None:
    member = RECIPE.plan(many_clips(duration_s=duration_s), sample_rate_hz=rate_hz).members[0]
    assert (member.training.crop_frames, member.training.clip_frames) == (frames, clip_frames)
    assert (member.windows.kind, member.windows.clip_frames, member.windows.count) == ("random", clip_frames, count)
    assert member.fine_tuning is not None
    assert member.fine_tuning.evaluation.clip_frames == clip_frames


def test_a_run_of_tiny_networks_ends_with_a_verdict(tmp_path: Path) -> None:
    candidates = many_clips(duration_s=0.4)
    check_verdict(finished(RECIPE, candidates, tmp_path, iterations=2, folds=2), candidates)
