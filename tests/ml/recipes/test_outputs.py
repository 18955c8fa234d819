from __future__ import annotations

import numpy as np

from ml.recipes.outputs import member_probabilities
from ml.recipes.plan import Output, Step
from tests.ml.recipes.small_run import make_candidates, make_plan


def output(member: int, fold: int, clips: list[int], p_JK: list[list[float]]) -> Output:
    return Output(step=Step(0, member, fold), clip_J=np.array(clips), p_JK=np.array(p_JK))


def test_a_clip_gets_the_probabilities_of_the_fold_that_judged_it() -> None:
    outputs = [output(0, 1, [2, 0], [[0.2, 0.3, 0.5], [0.7, 0.2, 0.1]]), output(0, 0, [1], [[0.1, 0.1, 0.8]])]

    p_MNK = member_probabilities(make_candidates(12), make_plan(), outputs)

    assert p_MNK.shape == (1, 12, 3)
    np.testing.assert_allclose(p_MNK[0, :3], [[0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [0.2, 0.3, 0.5]], rtol=1e-12)


def test_several_folds_are_joined_by_the_geometric_mean() -> None:
    outputs = [output(0, 0, [4], [[0.8, 0.1, 0.1]]), output(0, 1, [4], [[0.2, 0.4, 0.4]])]

    p_MNK = member_probabilities(make_candidates(12), make_plan(), outputs)

    # Square roots of 0.8 * 0.2 and 0.1 * 0.4 are 0.4 and 0.2; their sum is 0.4 + 0.2 + 0.2 = 0.8.
    np.testing.assert_allclose(p_MNK[0, 4], [0.5, 0.25, 0.25], rtol=1e-12)


def test_members_are_kept_apart_and_an_unjudged_clip_is_even() -> None:
    outputs = [output(0, 0, [0], [[0.8, 0.1, 0.1]]), output(1, 0, [0], [[0.1, 0.8, 0.1]])]

    p_MNK = member_probabilities(make_candidates(12), make_plan(members=2), outputs)

    np.testing.assert_allclose(p_MNK[:, 0], [[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]], rtol=1e-12)
    np.testing.assert_allclose(p_MNK[:, 1:], 1 / 3)


def test_a_probability_of_zero_stays_a_number() -> None:
    p_MNK = member_probabilities(make_candidates(12), make_plan(), [output(0, 0, [0], [[1.0, 0.0, 0.0]])])

    assert np.isfinite(p_MNK).all()
    np.testing.assert_allclose(p_MNK.sum(axis=2), 1)
