from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ml.recipes.iqbal import IqbalRecipe, stacked
from ml.recipes.plan import Step
from tests.ml.recipes.published_cases import (
    RECORDINGS,
    after,
    begun,
    check_member,
    check_verdict,
    finished,
    many_clips,
    sure_of,
)

RECIPE = IqbalRecipe()
CLIPS = many_clips()
CLASS = np.maximum(CLIPS.label_N, 0)


def test_first_all_labels_teach_non_verified_ones_with_seven_tenths() -> None:
    plan, state = begun(RECIPE, CLIPS)
    for fold in range(plan.n_folds):
        work = RECIPE.work(CLIPS, plan, state, Step(0, 7, fold))
        assert work.trained_S.tolist() == np.flatnonzero((state["fold"] != fold) & ~CLIPS.test_N).tolist()
        assert not set(CLIPS.group_N[work.trained_S]) & set(CLIPS.group_N[work.judged])
        assert work.weight_S.tolist() == [1.0 if n % 3 == 0 else 0.7 for n in work.trained_S]
        assert CLIPS.verified_N[work.validated].all()
        assert (state["fold"][work.validated] == fold).all()


def test_then_confirmed_labels_weigh_one_and_predictions_that_replace_others_nine_tenths() -> None:
    plan, state = begun(RECIPE, CLIPS)
    predicted = CLASS.copy()
    predicted[1] = 3  # given 1
    state, row = after(RECIPE, CLIPS, plan, state, sure_of(predicted, 0.999, classes=4), iteration=0)
    assert row["relabelled"] == 1
    assert state["label"][:24].tolist() == predicted[:24].tolist()
    assert not state["promoted"][1]
    assert state["weight"][1] == pytest.approx(0.9)
    promoted = state["promoted"]
    assert promoted.sum() > 10
    assert not promoted[CLIPS.verified_N | CLIPS.test_N].any()
    assert state["weight"][:24].tolist() == [1.0 if promoted[n] or n % 3 == 0 else 0.9 for n in range(24)]
    fold = (int(state["fold"][1]) + 1) % plan.n_folds
    work = RECIPE.work(CLIPS, plan, state, Step(1, 0, fold))
    place = work.trained_S.tolist().index(1)
    assert work.target_SK[place].tolist() == [0, 0, 0, 1]
    assert plan.origin(Step(1, 0, fold)) is None


def test_confirmed_labels_are_accepted_and_no_other() -> None:
    plan, state = begun(RECIPE, CLIPS)
    predicted = CLASS.copy()
    predicted[1] = 3
    for iteration in range(2):
        state, _ = after(RECIPE, CLIPS, plan, state, sure_of(predicted, 0.999, classes=4), iteration=iteration)
    state["calibrated"] = np.array([True])  # as if there were more verified clips
    verdict = RECIPE.verdict(CLIPS, plan, state, precision=0.5)
    assert verdict.accept_N.tolist() == state["promoted"].tolist()
    assert (verdict.label_N[1], verdict.p_correct_N[1] < 0.5) == (3, True)
    assert np.isfinite(verdict.p_correct_N[:24]).all()  # verified ones too were judged out of fold


def test_clips_that_nobody_trusts_weigh_less_in_the_regression() -> None:
    plan, state = begun(RECIPE, CLIPS)
    state["promoted"][1] = True
    p_NK = np.random.default_rng(0).dirichlet(np.ones(4), size=26)
    found, _ = after(RECIPE, CLIPS, plan, state, p_NK, iteration=1)
    trusted = np.isin(np.arange(26), [1, *range(0, 24, 3)])
    expected = stacked(
        np.stack([p_NK] * 8),
        fold_N=state["fold"],
        label_N=state["label"],
        weight_N=np.where(trusted, 1.0, 0.65),
    )
    np.testing.assert_allclose(found["p"], expected)


def test_the_regression_believes_the_member_that_is_right() -> None:
    label_N = np.arange(40) % 4
    right, wrong = sure_of(label_N, 0.6, classes=4), sure_of((label_N * 7 + np.arange(40) // 4) % 4, 0.9, classes=4)
    p_NK = stacked(np.stack([wrong, right]), fold_N=np.arange(40) % 5, label_N=label_N, weight_N=np.ones(40))
    assert p_NK.argmax(axis=1).tolist() == label_N.tolist()


def test_a_clips_label_does_not_move_its_own_probability() -> None:
    label_N = np.arange(40) % 4
    other_N = label_N.copy()
    other_N[0] = 3
    p_MNK = np.random.default_rng(0).dirichlet(np.ones(4), size=(2, 40))
    fold_N = np.arange(40) % 5
    fold_N[-1] = -1  # a test clip
    first, second = (
        stacked(p_MNK, fold_N=fold_N, label_N=labels, weight_N=np.ones(40)) for labels in (label_N, other_N)
    )
    np.testing.assert_array_equal(first[fold_N == 0], second[fold_N == 0])
    assert not np.allclose(first[fold_N == 1], second[fold_N == 1])
    assert not np.allclose(first[-1], second[-1])  # test clips are judged by a regression on all


def test_a_label_that_is_trusted_less_moves_the_regression_less() -> None:
    label_N = np.array([0, 0, 0, 1, 1, 1, 1, 0])
    p_MNK = sure_of([0, 0, 0, 1, 1, 1, 0, 0], 0.9, classes=2)[None]  # clip 6 contradicts the others of its class
    fold_N = np.array([0, 0, 0, 0, 0, 0, 0, -1])
    weight_N = np.ones(8)
    fold_N[[0, 3]] = 1
    trusted = stacked(p_MNK, fold_N=fold_N, label_N=label_N, weight_N=weight_N)[7, 1]
    weight_N[6] = 0.65
    doubted = stacked(p_MNK, fold_N=fold_N, label_N=label_N, weight_N=weight_N)[7, 1]
    assert doubted < trusted


@pytest.mark.parametrize(("rate_hz", "duration_s"), RECORDINGS)
def test_networks_take_chunks_of_any_recordings(rate_hz: int, duration_s: float) -> None:
    plan = RECIPE.plan(many_clips(duration_s=duration_s), sample_rate_hz=rate_hz)
    assert (plan.iterations, plan.n_folds, len(plan.members)) == (2, 5, 8)
    for member in plan.members:
        check_member(member, classes=4)
        assert member.padded
        assert member.windows.reduction == "geometric"
        assert member.training.best_epochs == 4


def test_scenes_get_the_published_chunks_of_two_spectrograms() -> None:
    members = RECIPE.plan(many_clips(duration_s=10), sample_rate_hz=44_100).members
    assert {m.training.crop_frames for m in members} == {128}
    assert [m.features.hop_length for m in members] == [512] * 4 + [256] * 4
    assert [m.name for m in members[::4]] == ["iqbal-vgg13-a", "iqbal-vgg13-b"]


def test_a_run_of_tiny_networks_ends_with_a_verdict(tmp_path: Path) -> None:
    candidates = many_clips(duration_s=0.4)
    check_verdict(finished(RECIPE, candidates, tmp_path, iterations=2, folds=2, every=5), candidates)
