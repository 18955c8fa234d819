from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ml.recipes.icme2024 import Icme2024Recipe
from tests.ml.recipes.published_cases import (
    RECORDINGS,
    after,
    begun,
    check_member,
    check_verdict,
    clip_set,
    finished,
    first_step,
    many_clips,
    sure_of,
)

RECIPE = Icme2024Recipe()
# Clips 0 and 1 are verified, 2 to 4 are not, 5 is for test; what is predicted of 3 contradicts its label.
CLIPS = clip_set([0, 1, 2, 3, 0, 0], verified=[0, 1], test=[5])
P = sure_of([0, 1, 2, 4, 0, 1], 0.6)


def test_verified_clips_teach_alone_first() -> None:
    plan, state = begun(RECIPE, CLIPS)
    work = RECIPE.work(CLIPS, plan, state, first_step(0))
    assert work.trained_S.tolist() == [0, 1]
    assert work.judged.tolist() == [2, 3, 4, 5]


def test_then_predictions_teach_as_labels_and_only_test_clips_are_judged() -> None:
    plan, state = begun(RECIPE, CLIPS)
    state, row = after(RECIPE, CLIPS, plan, state, P, iteration=0)
    assert (row["added"], row["relabelled"]) == (3, 1)
    work = RECIPE.work(CLIPS, plan, state, first_step(1))
    assert work.trained_S.tolist() == [0, 1, 2, 3, 4]
    assert work.target_SK.argmax(axis=1).tolist() == [0, 1, 2, 4, 0]
    assert work.verified_S.tolist() == [True, True, False, False, False]
    assert work.judged.tolist() == [5]
    assert plan.origin(first_step(1)) == first_step(0)


def test_labels_are_judged_by_the_first_iteration_and_test_clips_by_the_second() -> None:
    plan, state = begun(RECIPE, CLIPS)
    state, _ = after(RECIPE, CLIPS, plan, state, P, iteration=0)
    state, row = after(RECIPE, CLIPS, plan, state, sure_of([3] * 6, 0.8), iteration=1)
    verdict = RECIPE.verdict(CLIPS, plan, state, precision=0.5)
    assert verdict.p_correct_N[2:5] == pytest.approx([0.6, 0.1, 0.6])
    assert verdict.label_N.tolist() == [0, 1, 2, 4, 0, 3]
    assert verdict.p_NK[5, 3] == pytest.approx(0.8)
    assert (row["iteration"], row["correct_1st"], row["added"]) == (2, 2, 0)


def test_labels_that_the_prediction_confirms_are_accepted_if_the_precision_allows() -> None:
    plan, state = begun(RECIPE, CLIPS)
    state, _ = after(RECIPE, CLIPS, plan, state, P, iteration=0)
    assert not RECIPE.verdict(CLIPS, plan, state, precision=0.0).accept_N.any()  # nobody knows how far P can be trusted
    state["calibrated"] = np.array([True])
    assert RECIPE.verdict(CLIPS, plan, state, precision=0.0).accept_N.nonzero()[0].tolist() == [2, 4]
    assert not RECIPE.verdict(CLIPS, plan, state, precision=0.01).accept_N.any()  # both may be wrong
    state["p"][[2, 4]] = sure_of(CLIPS.label_N[[2, 4]], 0.98)
    assert RECIPE.verdict(CLIPS, plan, state, precision=0.98).accept_N.nonzero()[0].tolist() == [2, 4]
    assert not RECIPE.verdict(CLIPS, plan, state, precision=0.981).accept_N.any()


def test_a_run_without_test_clips_has_nothing_to_judge_in_the_end() -> None:
    clips = clip_set([0, 1, 2, 3], verified=[0, 1])
    plan, state = begun(RECIPE, clips)
    state, _ = after(RECIPE, clips, plan, state, P, iteration=0)
    state, _ = after(RECIPE, clips, plan, state, P, iteration=1)
    assert RECIPE.verdict(clips, plan, state, precision=0.5).p_correct_N[2:] == pytest.approx([0.6, 0.1])


@pytest.mark.parametrize(("rate_hz", "duration_s"), RECORDINGS)
def test_the_network_takes_excerpts_of_any_recordings(rate_hz: int, duration_s: float) -> None:
    plan = RECIPE.plan(many_clips(duration_s=duration_s), sample_rate_hz=rate_hz)
    assert (plan.iterations, plan.n_folds) == (2, 1)
    check_member(plan.members[0], classes=4)


def test_scenes_of_ten_seconds_are_one_excerpt_of_500_frames() -> None:
    member = RECIPE.plan(many_clips(duration_s=10), sample_rate_hz=44_100).members[0]
    assert (member.training.crop_frames, member.windows.frames, member.features.n_bands) == (500, 500, 64)
    assert (member.training.epochs, member.training.patience) == (20, None)


@pytest.mark.parametrize("test_clips", [True, False])
def test_a_run_of_tiny_networks_ends_with_a_verdict(tmp_path: Path, test_clips: bool) -> None:  # noqa: FBT001 -- a parameter of the test
    candidates = many_clips(duration_s=0.4)
    if not test_clips:
        candidates = clip_set(np.arange(16) % 4, verified=range(0, 16, 3), classes=4, duration_s=0.4)
    check_verdict(finished(RECIPE, candidates, tmp_path, iterations=2, folds=1), candidates)
