"""Joining what the steps of an iteration predicted.

A clip that several folds of one member judged (a test clip, which no fold was trained on) gets the geometric mean of
their probabilities; most clips are judged by one fold.

Shapes: M members, N clips, K classes, J clips of an output.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ml.recipes.candidates import CandidateSet
from ml.recipes.plan import Output, Plan
from ml.verification.probabilities import log_probabilities, softmax


def member_probabilities(candidates: CandidateSet, plan: Plan, outputs: Sequence[Output]) -> NDArray[np.float64]:
    """Collect the probabilities that each member gives.

    Parameters
    ----------
    candidates : CandidateSet
        The clips.
    plan : Plan
        The ensemble.
    outputs : sequence of Output
        Predictions of all steps of an iteration.

    Returns
    -------
    float64 array [shape=(M, N, K)]
        Rows sum to 1; a clip that no fold judged has even probabilities.
    """
    sum_MNK = np.zeros((len(plan.members), len(candidates), candidates.n_classes))
    count_MN = np.zeros((len(plan.members), len(candidates)))
    for output in outputs:
        sum_MNK[output.step.member, output.clip_J] += log_probabilities(output.p_JK)
        count_MN[output.step.member, output.clip_J] += 1
    return np.stack(
        [softmax(total / np.maximum(count, 1)[:, None]) for total, count in zip(sum_MNK, count_MN, strict=True)]
    )
