from __future__ import annotations

import numpy as np

from tests.ml.recipes.earmark_cases import RECIPE, K, believed, candidates_with_errors, fused
from tests.ml.recipes.small_run import make_candidates


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
        assert right[accepted].mean() >= precision
        assert (p_correct[accepted].min() >= p_correct[~accepted]).all()
        assert (verdict.label_N == true_N)[judged].mean() > right.mean()


def test_verified_clips_that_networks_are_fooled_by_speak_against_accepting() -> None:
    # Of every eighth verified clip of class 0 networks are sure that it is 1, which labels take it for as well.
    candidates, true_N = candidates_with_errors(4_800)
    plan, state, _ = fused(candidates, believed(true_N, surety=4.0))
    fooled_N = candidates.verified_N & (true_N == 0) & (np.cumsum(candidates.verified_N & (true_N == 0)) % 8 == 0)
    p_NK = state["p"].copy()
    p_NK[fooled_N] = [0.001, 0.997, 0.001, 0.001]

    honest, warned = (RECIPE.verdict(candidates, plan, each, precision=0.97) for each in (state, {**state, "p": p_NK}))

    np.testing.assert_array_equal(
        honest.p_correct_N[candidates.candidate_N], warned.p_correct_N[candidates.candidate_N]
    )
    assert warned.accept_N.sum() < honest.accept_N.sum()
    assert set(np.flatnonzero(warned.accept_N)) < set(np.flatnonzero(honest.accept_N))


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
