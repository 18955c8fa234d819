"""The ICME 2024 baseline: the model labels what nobody labelled, and trains on it.

A model pretrained on other cities is fine-tuned on the fifth of the clips that have labels, predicts the other four
fifths, and is fine-tuned once more on those predictions. The paper gives no threshold: every clip gets the class
that is most probable. A threshold is offered here since a model that is right in 59 % of cases (table 2) passes
its mistakes on.

The rule asks for no given label. Where a clip has one, only the row of the iteration tells how often the prediction
names it.

References
----------
.. [1] J. Bai et al., "Description on IEEE ICME 2024 Grand Challenge: Semi-supervised acoustic scene classification
   under domain shift", 2024, section 3.1.

Shapes: N clips, K classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.verification.decision import Decision
from ml.verification.probabilities import (
    NONE,
    Floats,
    Ints,
    best_classes,
    checked_labels,
    checked_probabilities,
    checked_share,
)
from ml.verification.progress_row import iteration_row


@dataclass(frozen=True, kw_only=True)
class Icme2024Config:
    """Which predictions become labels.

    Attributes
    ----------
    threshold : float or None
        The probability of the predicted class must exceed it; None takes every prediction, as the paper does.
    """

    threshold: float | None = None

    def __post_init__(self) -> None:
        if self.threshold is not None:
            checked_share("threshold", self.threshold)


def verify_icme2024(
    p_NK: Floats, candidate_N: Ints, *, iteration: int, verified: int, config: Icme2024Config
) -> Decision:
    """Give each clip the most probable class as its label.

    Parameters
    ----------
    p_NK : float64 array [shape=(N, K)]
        Probabilities of the clips without a verified label.
    candidate_N : int64 array [shape=(N,)]
        Given labels, -1 for none, as in all of them in the paper.
    iteration : int
        From 1; the paper has one.
    verified : int
        Clips with a verified label.
    config : Icme2024Config
        Threshold.

    Returns
    -------
    Decision
        Pseudo-labelled clips are accepted: the next training treats their labels as any other. A clip that stays
        below the threshold, or whose best class is tied, keeps what it had.

    Raises
    ------
    ValueError
        If the arrays do not fit each other.

    References
    ----------
    Bai et al., section 3.1.
    """
    p_NK = checked_probabilities("p_NK", p_NK, axes="NK")
    candidate_N = checked_labels("candidate_N", candidate_N, n_clips=len(p_NK), n_classes=p_NK.shape[1])
    best_N, p_best_N = best_classes(p_NK)
    accepted_N = best_N != NONE
    if config.threshold is not None:
        accepted_N &= p_best_N > config.threshold
    return Decision(
        accepted_N=accepted_N,
        label_N=np.where(accepted_N, best_N, candidate_N),
        relabelled_N=accepted_N & (best_N != candidate_N),
        row=iteration_row(p_NK, candidate_N, iteration=iteration, verified=verified, added=int(accepted_N.sum())),
    )
