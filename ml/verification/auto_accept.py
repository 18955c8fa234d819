"""Accepting labels without listening, at a stated precision.

A label whose probability of being right is high need not be heard; how high is enough is not for people to guess. The
threshold is the smallest at which the accepted labels are right in at least the stated share of cases. Two witnesses
say what that share is, and the less hopeful one counts:

* The probabilities themselves. If they are calibrated, the accepted labels are n independent draws with the chances
  p_n, of which m = Σ (1 - p_n) are expected to be wrong. That so many are expected is not enough: in half of all cases
  there would be more. As many must be allowed as there are at most with a chance of 95 %, and no fewer than m: of a
  single label of 0.96, none is wrong with that chance. Their number has a Poisson
  binomial distribution, close to that of Poisson with the mean m (Le Cam), whose upper tail is the heavier one
  (Hoeffding; Anderson and Samuels), so that the limit is on the safe side. The fewer labels there are to accept, the
  surer they must be.
* Held-out verified clips, of which it is known whether a label is right. Clips that people verified have hardly any
  wrong label, so that their labels alone would promise too much. Each is therefore judged under every label i that it
  could have been given, with the weight P(given = i | true) of the estimated noise: the clip accepted under a wrong
  label counts against the threshold by that weight. This sees what no temperature mends, networks that are sure of
  the very mistakes that labels make. Where fewer than 20 reach a threshold, the surest 20 speak for it: where nothing
  is known of a threshold, nothing is promised. Their share is taken as it is, since with few verified clips no limit
  would ever allow anything.

The 95 % are those of labels that err independently, as far as the probabilities can be trusted; no witness sees that
clips that wait are harder than all that people verified.

Shapes: N clips, V verified clips, K classes, M distinct thresholds, H hypothetical labels.

References
----------
.. [1] L. Le Cam, "An approximation theorem for the Poisson binomial distribution", Pacific Journal of Mathematics
   10(4), 1960.
.. [2] W. Hoeffding, "On the distribution of the number of successes in independent trials", Annals of Mathematical
   Statistics 27(3), 1956, theorem 4 (the binomial distribution has the heavier tails).
.. [3] T. W. Anderson and S. M. Samuels, "Some inequalities among binomial and Poisson probabilities", Proceedings of
   the Fifth Berkeley Symposium, volume 1, 1967 (the Poisson distribution has heavier ones yet).
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import torch

from ml.verification.accept_threshold import AcceptThreshold, first_reaching
from ml.verification.probabilities import Bools, Floats, Ints, checked_labels, checked_probabilities

CONFIDENCE = 0.95
FEWEST_HELD_OUT = 20.0  # verified clips, by weight, that speak for a threshold

_Z = NormalDist().inv_cdf(CONFIDENCE)


@dataclass(frozen=True, eq=False, kw_only=True)
class HeldOut:
    """Verified clips under the labels that they could have been given.

    Attributes
    ----------
    p_correct_H : float64 array [shape=(H,)]
        Probability that each hypothetical label is right.
    weight_H : float64 array [shape=(H,)]
        Chance that the clip is given it.
    is_correct_H : bool array [shape=(H,)]
        Whether it is the verified one.
    """

    p_correct_H: Floats
    weight_H: Floats
    is_correct_H: Bools

    def precision(self, threshold_M: Floats) -> Floats:
        """Compute the share of right ones among the labels at or above thresholds.

        Parameters
        ----------
        threshold_M : float64 array [shape=(M,)]
            Thresholds.

        Returns
        -------
        float64 array [shape=(M,)]
            Where fewer than `FEWEST_HELD_OUT` reach a threshold, that of the surest ones; 1 if there is none at all.
        """
        if not len(self.weight_H):
            return np.ones(np.shape(threshold_M))
        order = np.argsort(self.p_correct_H, kind="stable")
        p_correct_H, weight_H = self.p_correct_H[order], self.weight_H[order]
        all_H = np.cumsum(weight_H[::-1])[::-1]
        right_H = np.cumsum((weight_H * self.is_correct_H[order])[::-1])[::-1]
        enough = p_correct_H[max(0, int(np.count_nonzero(all_H >= FEWEST_HELD_OUT)) - 1)]
        place_M = np.searchsorted(p_correct_H, np.minimum(threshold_M, enough), side="left")
        precision_M: Floats = right_H[place_M] / all_H[place_M]
        return precision_M


@dataclass(frozen=True, eq=False, kw_only=True)
class AcceptanceCurve:
    """What each threshold accepts and assures, as far as a choice can fall on it.

    Attributes
    ----------
    threshold_M : float64 array [shape=(M,)]
        Thresholds, rising.
    accepted_M : int64 array [shape=(M,)]
        Labels at or above each, falling.
    precision_M : float64 array [shape=(M,)]
        Share of these that is right at least, rising: thresholds that accept fewer and assure no more are left out.
    """

    threshold_M: Floats
    accepted_M: Ints
    precision_M: Floats


def hold_out(likelihood_VK: Floats, true_V: Ints, transition_KK: Floats, *, admitted_VK: Bools) -> HeldOut:
    """Judge verified clips under each label that they could have been given.

    Parameters
    ----------
    likelihood_VK : float64 array [shape=(V, K)]
        Probability of each true class by what networks that did not hear the clip's group heard; rows sum to 1.
    true_V : int64 array [shape=(V,)]
        Verified classes.
    transition_KK : float64 array [shape=(K, K)]
        P(given = column | true = row).
    admitted_VK : bool array [shape=(V, K)]
        Whether the clip under that label may be accepted at all.

    Returns
    -------
    HeldOut
        P(true = i | heard, given = i) = T(i | i) L(i) / Σ T(i | y) L(y) for each admitted label i.

    Raises
    ------
    ValueError
        If the arrays do not fit each other.
    """
    likelihood_VK = checked_probabilities("likelihood_VK", likelihood_VK, axes="VK")
    n_classes = likelihood_VK.shape[1]
    true_V = checked_labels("true_V", true_V, n_clips=len(likelihood_VK), n_classes=n_classes, lowest=0)
    right_VK = likelihood_VK * np.diag(transition_KK)
    all_VK = likelihood_VK @ transition_KK
    p_VK = np.divide(right_VK, all_VK, out=np.zeros_like(right_VK), where=all_VK > 0)
    is_true_VK = np.arange(n_classes) == true_V[:, None]
    return HeldOut(
        p_correct_H=p_VK[admitted_VK],
        weight_H=transition_KK[true_V][admitted_VK],
        is_correct_H=is_true_VK[admitted_VK],
    )


def most_wrong(expected_M: Floats) -> Floats:
    """Return how many labels are wrong at most where so many are expected to be.

    Parameters
    ----------
    expected_M : float64 array [shape=(M,)]
        Means of Poisson distributions.

    Returns
    -------
    float64 array [shape=(M,)]
        Smallest whole numbers that are exceeded with a chance of at most ``1 - CONFIDENCE``.
    """
    mean_M = torch.from_numpy(np.array(expected_M, dtype=np.float64))
    most_M = torch.floor(mean_M + _Z * torch.sqrt(mean_M))
    while (more_M := torch.special.gammaincc(most_M + 1, mean_M) < CONFIDENCE).any():  # P(X <= k) = Q(k + 1, m)
        most_M += more_M.to(most_M.dtype)
    while (fewer_M := (most_M > 0) & (torch.special.gammaincc(most_M.clamp(min=1), mean_M) >= CONFIDENCE)).any():
        most_M -= fewer_M.to(most_M.dtype)
    found_M: Floats = most_M.numpy()
    return found_M


def acceptance_curve(p_correct_N: Floats, held_out: HeldOut | None = None) -> AcceptanceCurve:
    """Trace how many labels thresholds accept and how many of these are right at least.

    Parameters
    ----------
    p_correct_N : float64 array [shape=(N,)]
        Calibrated probability that each label is right, of the very labels that wait for acceptance.
    held_out : HeldOut, optional
        The second witness.

    Returns
    -------
    AcceptanceCurve
        Labels with equal probabilities are accepted together; empty without labels.

    Raises
    ------
    ValueError
        If a probability is outside 0 to 1.
    """
    p_correct_N = np.asarray(p_correct_N, dtype=np.float64)
    if not np.all((p_correct_N >= 0) & (p_correct_N <= 1)):
        message = f"p_correct_N holds {np.min(p_correct_N)} to {np.max(p_correct_N)}: expected 0 to 1."
        raise ValueError(message)
    threshold_M, at_M = np.unique(p_correct_N, return_counts=True)
    accepted_M, wrong_M = (np.cumsum((at_M * each_M)[::-1])[::-1] for each_M in (np.ones_like(at_M), 1 - threshold_M))
    precision_M = 1 - np.maximum(wrong_M, most_wrong(wrong_M)) / np.maximum(accepted_M, 1)
    if held_out is not None:
        precision_M = np.minimum(precision_M, held_out.precision(threshold_M))
    precision_M = np.maximum(precision_M, 0.0)
    best_M = np.maximum.accumulate(precision_M)
    kept_M = np.append(True, precision_M[1:] > best_M[:-1]) if len(best_M) else np.zeros(0, dtype=np.bool_)
    return AcceptanceCurve(
        threshold_M=threshold_M[kept_M],
        accepted_M=accepted_M[kept_M].astype(np.int64),
        precision_M=precision_M[kept_M],
    )


def accept_threshold(p_correct_N: Floats, *, precision: float, held_out: HeldOut | None = None) -> AcceptThreshold:
    """Choose the smallest threshold whose accepted labels are right often enough.

    Parameters
    ----------
    p_correct_N : float64 array [shape=(N,)]
        Calibrated probability that each label is right, of the very labels that wait for acceptance.
    precision : float
        Share of the accepted labels that must be right, 0 to 1.
    held_out : HeldOut, optional
        The second witness.

    Returns
    -------
    AcceptThreshold
        The threshold, if one reaches the precision.

    Raises
    ------
    ValueError
        If a probability or `precision` is outside 0 to 1.
    """
    curve = acceptance_curve(p_correct_N, held_out)
    points = zip(curve.threshold_M.tolist(), curve.accepted_M.tolist(), curve.precision_M.tolist(), strict=True)
    return first_reaching(points, precision=precision, clips=len(p_correct_N))
