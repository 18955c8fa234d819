from __future__ import annotations

import numpy as np
import pytest

from ml.recipes import judgement
from ml.recipes.catalogue import RECIPES
from tests.ml.recipes.feedback_cases import rejecting
from tests.ml.recipes.published_cases import after, begun, clip_set, many_clips, sure_of


def test_only_judged_clips_change() -> None:
    clips = clip_set([0, 1, 2, 3], verified=[0, 1])
    state = judgement.unjudged(clips, members=2)
    p_NK = sure_of([1, 1, 1, 1], 0.6)
    after, temperature = judgement.judged(
        clips, state, clip_J=np.array([2]), p_NK=p_NK, p_MNK=np.stack([p_NK, p_NK[:, ::-1]])
    )
    assert after["p"][:, 1] == pytest.approx([0.2, 0.2, 0.6, 0.2])
    assert after["p_members"][1, 2] == pytest.approx([0.1, 0.1, 0.1, 0.6, 0.1])
    assert after["judged"].tolist() == [False, False, True, False]
    assert not state["judged"].any()
    assert temperature == 1


def test_probabilities_are_made_honest_on_verified_clips_that_were_judged() -> None:
    # Forty verified clips of two classes are predicted with 0.9, of which 30 are right: the temperature makes it 0.75.
    clips = clip_set([0] * 39 + [1, 0, 0], verified=range(40), classes=2)
    predicted = [0] * 30 + [1] * 9 + [0] * 3
    p_NK = sure_of(predicted, 0.9, classes=2)
    state = judgement.unjudged(clips, members=1)
    after, temperature = judgement.judged(clips, state, clip_J=np.arange(42), p_NK=p_NK, p_MNK=p_NK[None])
    assert temperature == pytest.approx(2.0)  # (0.9 / 0.1) ** (1 / 2) = 3 to 1
    assert after["p"][41] == pytest.approx([0.75, 0.25])
    assert after["p_members"][0, 41] == pytest.approx([0.9, 0.1])


def test_the_verdict_accepts_of_admitted_clips_as_many_as_keep_the_precision() -> None:
    clips = clip_set([0, 1, 0, 0, 0, 0, 0], verified=[0, 1], test=[6])
    p_NK = sure_of([2] * 7, 0.6)
    p_NK[2:6] = sure_of([0, 0, 0, 0], 0.999)
    p_NK[3] = sure_of([0], 0.97)[0]
    state = {**judgement.unjudged(clips, members=1), "p": p_NK, "judged": ~clips.verified_N}
    admitted_N = np.isin(np.arange(7), [2, 3, 4])
    unknown = judgement.verdict(clips, state, admitted_N=admitted_N, precision=0.0)
    assert not unknown.accept_N.any()  # too few verified clips to know how far the probabilities can be trusted
    state["calibrated"] = np.array([True])
    # 0.999, 0.999 and 0.97 are 0.9893 on average, and with a chance of 0.97 none is wrong.
    everything = judgement.verdict(clips, state, admitted_N=admitted_N, precision=0.989)
    assert everything.accept_N.nonzero()[0].tolist() == [2, 3, 4]
    surest = judgement.verdict(clips, state, admitted_N=admitted_N, precision=0.99)
    assert surest.accept_N.nonzero()[0].tolist() == [2, 4]
    assert surest.label_N.tolist() == [0, 1, 0, 0, 0, 0, 2]
    assert np.isnan(surest.p_correct_N).tolist() == [True, True, False, False, False, False, True]


def test_a_run_that_admits_nothing_accepts_nothing() -> None:
    clips = clip_set([0, 1, 0], verified=[0, 1])
    verdict = judgement.verdict(
        clips, judgement.unjudged(clips, members=1), admitted_N=np.zeros(3, dtype=np.bool_), precision=0.5
    )
    assert not verdict.accept_N.any()


@pytest.mark.parametrize("name", sorted(set(RECIPES) - {"earmark"}))
def test_published_recipes_leave_rejected_clips_out(name: str) -> None:
    clips = rejecting(many_clips(), 4, 0)
    recipe = RECIPES[name]
    plan, state = begun(recipe, clips)
    p_NK = sure_of(np.maximum(clips.label_N, 0), 0.9, classes=4)
    assert clips.rejected_N[4]

    for iteration in range(plan.iterations):
        for step in plan.steps(iteration):
            work = recipe.work(clips, plan, state, step)
            assert not {4} & {*work.trained_S.tolist(), *work.judged.tolist(), *work.validated.tolist()}
        state, _ = after(recipe, clips, plan, state, p_NK, iteration=iteration)
    found = recipe.verdict(clips, plan, state, precision=0.5)
    assert found.label_N[4] == -1
    assert not found.accept_N[4]
    assert np.isnan(found.p_correct_N[4])
    assert (np.delete(found.label_N, 4) >= 0).all()


def test_no_clip_is_given_a_class_that_people_found_absent() -> None:
    clips = rejecting(rejecting(clip_set([0, 1, 0, 0, 0], verified=[0, 1], test=[4], classes=3), 2, 2), 4, 0, 1, 2)
    p_NK = sure_of([0, 1, 2, 2, 2], 0.8, classes=3)
    state = {**judgement.unjudged(clips, members=1), "p": p_NK, "judged": ~clips.verified_N}
    verdict = judgement.verdict(clips, state, admitted_N=np.zeros(5, dtype=np.bool_), precision=0.9)
    assert verdict.label_N.tolist() == [0, 1, 0, 2, -1]  # of the last one nothing is left
    assert verdict.p_correct_N[2] == pytest.approx(0.1)  # of labels alone, as the papers have it
