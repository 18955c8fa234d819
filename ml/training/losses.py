"""The loss of a batch whose labels may be wrong.

All networks are trained with cross entropy against soft targets, ``C_n = -sum_c t_nc log y_nc`` (Jeong eq. 4), and the
loss of a batch of N clips is the mean of ``w_n * m_n * C_n``. Three means against wrong labels work on it:

label smoothing
    The label gets less than certainty. Nguyen et al. (eq. 2) spread epsilon over *all* K classes: ``epsilon / K`` for
    the others and ``1 - (K - 1) / K * epsilon`` for the label, with epsilon drawn from 0.1 to 0.3 (here once for each
    batch) and for non-verified clips alone [1]_. Wilkinghoff takes alpha from the label and spreads it over the
    *other* classes, ``alpha / (K - 1)`` each, with 0.3 for non-verified and 0.05 for verified clips [2]_. They are the
    same family: ``alpha = (K - 1) / K * epsilon``.
loss weight
    ``w_n`` is eta < 1 for non-verified clips; with mixup it is mixed like the targets (Iqbal eq. 1 and 4.3) [3]_.
batch-wise loss masking
    ``m_n`` is 1 for verified clips and for those with ``C_n < alpha * max C`` over the batch, else 0 (Jeong eq. 5 to 7,
    alpha = 0.8) [4]_. What "verified" means for a mixture is left open; here the predominant part decides.

The mean is over all clips of the batch, weighted or masked ones too: then the loss is a sum over clips with a known
factor, and the parts of a batch (on several GPUs, or one after the other in little memory) add up exactly. Only the
maximum of loss masking needs the batch as a whole; see `kept_clips`.

Shapes: B clips of a batch, K classes.

References
----------
.. [1] Nguyen et al., DCASE 2018, equation 2.
.. [2] K. Wilkinghoff, "General-purpose audio tagging by ensembling convolutional neural networks based on multiple
   features", DCASE 2018, section 3.
.. [3] Iqbal et al., DCASE 2018, section 4.2.
.. [4] Jeong and Lim, DCASE 2018, section 3.3.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from ml.training.ranges import at_least, one_of, within

Spread = Literal["all", "others"]


@dataclass(frozen=True, kw_only=True)
class LossConfig:
    """How much wrong labels may weigh; the defaults trust every label.

    Attributes
    ----------
    smoothing_verified : float
        Share that smoothing spreads for verified clips (Wilkinghoff: 0.05).
    smoothing_nonverified : (float, float)
        Range from which that of non-verified clips is drawn for each batch (Nguyen: 0.1 to 0.3); equal ends for a
        fixed one (Wilkinghoff: 0.3).
    smoothing_spread : {"all", "others"}
        Spread over all classes (Nguyen's epsilon) or over those that are not the label (Wilkinghoff's alpha).
    nonverified_weight : float
        Weight of non-verified clips (Iqbal: 0.7).
    masking_alpha : float, optional
        Share of the batch's largest loss from which non-verified clips are left out (Jeong: 0.8).
    """

    smoothing_verified: float = 0.0
    smoothing_nonverified: tuple[float, float] = (0.0, 0.0)
    smoothing_spread: Spread = "all"
    nonverified_weight: float = 1.0
    masking_alpha: float | None = None

    def __post_init__(self) -> None:
        low, high = self.smoothing_nonverified
        within("smoothing_verified", self.smoothing_verified, 0, 1)
        within("smoothing_nonverified[0]", low, 0, 1)
        within("smoothing_nonverified[1]", high, low, 1)
        one_of("smoothing_spread", self.smoothing_spread, ("all", "others"))
        at_least("nonverified_weight", self.nonverified_weight, 0)
        within("masking_alpha", self.masking_alpha, 0, 1)


def smoothing_shares(verified_B: Tensor, config: LossConfig, *, generator: torch.Generator) -> Tensor:
    """Return the share that smoothing spreads for each clip, drawing that of non-verified clips once."""
    low, high = config.smoothing_nonverified
    drawn = low + (high - low) * torch.rand((), generator=generator) if high > low else torch.tensor(low)
    return torch.where(verified_B, torch.tensor(config.smoothing_verified), drawn)


def smoothed_targets(label_B: Tensor, share_B: Tensor, *, n_classes: int, spread: Spread = "all") -> Tensor:
    """Turn labels into soft targets.

    Parameters
    ----------
    label_B : int64 Tensor [shape=(B,)]
        Class of each clip.
    share_B : float32 Tensor [shape=(B,)]
        Share that is spread, 0 to 1: epsilon of Nguyen eq. 2 or alpha of Wilkinghoff.
    n_classes : int
        Number of classes K.
    spread : {"all", "others"}
        Over all classes (Nguyen) or over those that are not the label (Wilkinghoff).

    Returns
    -------
    float32 Tensor [shape=(B, K)]
        Targets; rows sum to 1.

    References
    ----------
    Nguyen et al., equation 2; Wilkinghoff, section 3.
    """
    if spread == "others" and n_classes > 1:
        share_B = share_B * n_classes / (n_classes - 1)
    hot_BK = functional.one_hot(label_B, n_classes)
    return hot_BK * (1 - share_B[:, None]) + share_B[:, None] / n_classes


def cross_entropy(score_BK: Tensor, target_BK: Tensor) -> Tensor:
    """Compute the cross entropy of each clip in single precision.

    Parameters
    ----------
    score_BK : float Tensor [shape=(B, K)]
        Scores before the softmax, or logarithms of probabilities.
    target_BK : float32 Tensor [shape=(B, K)]
        Soft targets; rows sum to 1.

    Returns
    -------
    float32 Tensor [shape=(B,)]
        Loss of each clip, in nats.

    References
    ----------
    Jeong and Lim, equation 4.
    """
    return -(target_BK * score_BK.float().log_softmax(dim=1)).sum(dim=1)


def kept_clips(loss_B: Tensor, verified_B: Tensor, *, alpha: float, largest: Tensor | None = None) -> Tensor:
    """Find the clips that batch-wise loss masking keeps.

    Parameters
    ----------
    loss_B : float32 Tensor [shape=(B,)]
        Loss of each clip.
    verified_B : bool Tensor [shape=(B,)]
        Whether people confirmed the label.
    alpha : float
        Share of the largest loss.
    largest : float32 Tensor, optional
        Largest loss of the whole batch where `loss_B` is a part of it. Default: the largest of `loss_B`.

    Returns
    -------
    bool Tensor [shape=(B,)]
        True for clips that count.

    References
    ----------
    Jeong and Lim, equations 6 and 7.
    """
    largest = loss_B.max() if largest is None else largest
    return verified_B | (loss_B < alpha * largest)
