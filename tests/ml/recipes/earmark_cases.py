"""Candidates with errors that follow a pattern, and what networks might think of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml.recipes.candidates import CandidateSet
from ml.recipes.earmark import EarmarkRecipe
from ml.recipes.plan import Output, Plan, State
from tests.ml.recipes.feedback_cases import answered
from tests.ml.recipes.small_run import make_candidates, make_plan

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


def half_answered(**shape: Any) -> tuple[CandidateSet, np.ndarray]:
    """Return candidates of which people have answered every other one."""
    candidates, true_N = candidates_with_errors(**shape)
    return answered(candidates, true_N, np.arange(len(candidates)) // 8 % 2 == 0), true_N
