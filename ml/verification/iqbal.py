"""Iqbal's three answers to unverified labels: trust them less, replace them, or promote them.

The first classifier is trained on everything, with the loss of unverified clips weighted by 0.7. Its predictions then
replace the labels of the unverified clips (pseudo-labels), and the second classifier trains on these with weight 0.9,
as they are wrong more rarely. A clip whose given label the first classifier confirms with more than 0.7 is promoted:
it counts as verified and has weight 1.

The paper presents relabelling and promotion as two forms of pseudo-labelling and does not say whether its results
use both. Here both work together: what is confirmed is promoted, what is not is relabelled. ``relabel=False`` leaves
promotion alone; its other clips then keep their labels and the first weight.

References
----------
.. [1] T. Iqbal, Q. Kong, M. D. Plumbley and W. Wang, "General-purpose audio tagging from noisy labels using
   convolutional neural networks", DCASE 2018, sections 4.2 and 5.1.

Shapes: N clips, K classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.verification.decision import Decision
from ml.verification.probabilities import (
    NONE,
    Bools,
    Floats,
    Ints,
    best_classes,
    checked_labels,
    checked_probabilities,
    checked_share,
    probability_of,
)
from ml.verification.progress_row import iteration_row


@dataclass(frozen=True, kw_only=True)
class IqbalConfig:
    """Promotion and loss weights.

    Attributes
    ----------
    promotion_threshold : float
        tau: the probability of a confirmed label must exceed it.
    relabel : bool
        Whether clips that are not promoted get the prediction as their label.
    given_weight : float
        eta for unverified clips with their given label.
    pseudo_weight : float
        eta for unverified clips with a predicted label.
    """

    promotion_threshold: float = 0.7
    relabel: bool = True
    given_weight: float = 0.7
    pseudo_weight: float = 0.9

    def __post_init__(self) -> None:
        for name in ("promotion_threshold", "given_weight", "pseudo_weight"):
            checked_share(name, getattr(self, name))


def verify_iqbal(p_NK: Floats, candidate_N: Ints, *, iteration: int, verified: int, config: IqbalConfig) -> Decision:
    """Promote the clips whose label the previous classifier confirms, and relabel the others.

    Parameters
    ----------
    p_NK : float64 array [shape=(N, K)]
        Probabilities by the previous classifier, out of fold, for the clips that are not verified.
    candidate_N : int64 array [shape=(N,)]
        Given labels of the same clips, -1 for none.
    iteration : int
        From 1; the paper has one.
    verified : int
        Clips verified before.
    config : IqbalConfig
        Thresholds and weights.

    Returns
    -------
    Decision
        Promoted clips are accepted. A clip whose prediction is tied keeps its label.

    Raises
    ------
    ValueError
        If the arrays do not fit each other.

    References
    ----------
    Iqbal et al., section 4.2.
    """
    p_NK = checked_probabilities("p_NK", p_NK, axes="NK")
    candidate_N = checked_labels("candidate_N", candidate_N, n_clips=len(p_NK), n_classes=p_NK.shape[1])
    best_N, _ = best_classes(p_NK)
    sure_N = probability_of(p_NK, candidate_N) > config.promotion_threshold
    promoted_N = (candidate_N != NONE) & (best_N == candidate_N) & sure_N
    relabelled_N = (best_N != NONE) & (best_N != candidate_N) & config.relabel
    return Decision(
        accepted_N=promoted_N,
        label_N=np.where(relabelled_N, best_N, candidate_N),
        relabelled_N=relabelled_N,
        row=iteration_row(p_NK, candidate_N, iteration=iteration, verified=verified, added=int(promoted_N.sum())),
    )


def loss_weights(verified_N: Bools, *, pseudo_labelled: bool, config: IqbalConfig) -> Floats:
    """Weight the loss of each clip by how far its label is trusted.

    Parameters
    ----------
    verified_N : bool array [shape=(N,)]
        Clips that are verified or promoted.
    pseudo_labelled : bool
        Whether the labels of the others are predictions.
    config : IqbalConfig
        Weights.

    Returns
    -------
    float64 array [shape=(N,)]
        1 where verified, else eta. Mixup must mix these weights as it mixes the clips.

    References
    ----------
    Iqbal et al., equation (1) and section 5.1.
    """
    eta = config.pseudo_weight if pseudo_labelled else config.given_weight
    return np.where(verified_N, 1.0, eta)
