"""Calibration: a clip with probability 0.9 should be right nine times in ten.

Networks are surer than they are right, and those trained with mixup or for a short time the opposite, so a fixed
threshold means something else for each of them. Temperature scaling divides the logarithms of the probabilities by
one number, found on verified clips that the network was not trained on. It moves no class ahead of another: the
ranking within a clip, and with it every rule that asks for agreement alone, stays as it is.

Temperature T minimises the mean negative log-likelihood, which is convex in 1/T; the slope in 1/T only rises, so
halving an interval finds its zero. The interval is bounded: with verified clips that are all right the best
temperature would be 0 and promise certainty, and the clips that are judged may be harder than those that people
verified. So nothing is made more than twice as sure (T = 1/2). With few clips one lucky draw would decide; the
temperature stays 1.

The expected calibration error compares confidence and accuracy in bins of equal width that hold their upper limit:
the weighted mean of the gaps. It depends on the number of bins, so that only equal numbers compare.

References
----------
.. [1] C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, "On calibration of modern neural networks", ICML 2017,
   equations (1) to (3) and section 4.2.

Shapes: N clips, K classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.verification.probabilities import (
    Bools,
    Floats,
    Ints,
    checked_labels,
    checked_probabilities,
    log_probabilities,
    softmax,
)

FEWEST = 30  # verified clips below which no temperature is fitted; one parameter needs no more, but also not less
COLDEST, HOTTEST = 0.5, 20.0  # bounds of the temperature; see above; at 20 probabilities are nearly equal
N_BINS = 15  # Guo et al., section 5

_HALVINGS = 60  # of the interval of 1/T, which leaves less than rounding errors


@dataclass(frozen=True)
class Temperature:
    """A fitted temperature.

    Attributes
    ----------
    value : float
        T; above 1 where the network was too sure, 1 where nothing was fitted.
    clips : int
        Verified clips that were given.
    loss_before, loss_after : float or None
        Mean negative log-likelihood in nats at temperature 1 and T; None without clips.
    """

    value: float
    clips: int
    loss_before: float | None
    loss_after: float | None

    @property
    def is_fitted(self) -> bool:
        """Whether there were clips enough to know how far probabilities can be trusted."""
        return self.clips >= FEWEST

    def apply(self, p_NK: Floats) -> Floats:
        """Rescale probabilities.

        Parameters
        ----------
        p_NK : float64 array [shape=(N, K)]
            Probabilities of the same network.

        Returns
        -------
        float64 array [shape=(N, K)]
            Calibrated probabilities: the same array where the temperature is 1.
        """
        return at_temperature(p_NK, self.value)


def at_temperature(p_NK: Floats, temperature: float) -> Floats:
    """Rescale probabilities by a temperature that was fitted before, as `Temperature.apply` does."""
    if temperature == 1:
        return p_NK
    return softmax(log_probabilities(p_NK) / temperature)


@dataclass(frozen=True)
class ReliabilityBin:
    """Clips whose confidence is in one interval.

    Attributes
    ----------
    low, high : float
        The interval, without its lower and with its upper limit; the first holds 0 too.
    clips : int
        Clips in it.
    confidence, accuracy : float or None
        Mean confidence and share of right predictions; None where the bin is empty.
    """

    low: float
    high: float
    clips: int
    confidence: float | None
    accuracy: float | None


def fit_temperature(p_NK: Floats, label_N: Ints, *, fewest: int = FEWEST) -> Temperature:
    """Fit a temperature to verified clips.

    Parameters
    ----------
    p_NK : float64 array [shape=(N, K)]
        Probabilities of verified clips, out of fold.
    label_N : int64 array [shape=(N,)]
        Their classes.
    fewest : int
        With fewer clips the temperature stays 1.

    Returns
    -------
    Temperature
        The temperature, from `COLDEST` to `HOTTEST`.

    Raises
    ------
    ValueError
        If the arrays do not fit each other.

    References
    ----------
    Guo et al., section 4.2.
    """
    p_NK = checked_probabilities("p_NK", p_NK, axes="NK")
    label_N = checked_labels("label_N", label_N, n_clips=len(p_NK), n_classes=p_NK.shape[1], lowest=0)
    if not len(label_N):
        return Temperature(1.0, 0, None, None)
    log_NK = log_probabilities(p_NK)
    before = _loss(log_NK, label_N)
    if len(label_N) < fewest:
        return Temperature(1.0, len(label_N), before, before)
    low, high = 1 / HOTTEST, 1 / COLDEST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _slope(log_NK, label_N, middle) > 0:
            high = middle
        else:
            low = middle
    inverse = (low + high) / 2
    return Temperature(1 / inverse, len(label_N), before, _loss(log_NK * inverse, label_N))


def reliability_bins(confidence_N: Floats, correct_N: Bools, *, n_bins: int = N_BINS) -> list[ReliabilityBin]:
    """Compare confidence with accuracy, bin by bin: the numbers of a reliability diagram.

    Parameters
    ----------
    confidence_N : float64 array [shape=(N,)]
        Probability that the answer is right, 0 to 1.
    correct_N : bool array [shape=(N,)]
        Whether it is.
    n_bins : int
        Bins of equal width.

    Returns
    -------
    list of ReliabilityBin
        The bins, from 0 to 1.

    Raises
    ------
    ValueError
        If the arrays do not fit each other, a confidence is outside 0 to 1 or there is no bin.

    References
    ----------
    Guo et al., section 2.
    """
    if n_bins < 1 or len(confidence_N) != len(correct_N) or not np.all((confidence_N >= 0) & (confidence_N <= 1)):
        message = (
            f"{n_bins} bins, {len(confidence_N)} confidences, {len(correct_N)} outcomes: expected at least 1 bin, "
            "and an outcome for each confidence of 0 to 1."
        )
        raise ValueError(message)
    edges = np.linspace(0, 1, n_bins + 1)
    place_N = np.searchsorted(edges[1:-1], confidence_N, side="left")
    bins = []
    for place in range(n_bins):
        inside_N = place_N == place
        clips = int(inside_N.sum())
        confidence = float(confidence_N[inside_N].mean()) if clips else None
        accuracy = float(correct_N[inside_N].mean()) if clips else None
        bins.append(ReliabilityBin(float(edges[place]), float(edges[place + 1]), clips, confidence, accuracy))
    return bins


def expected_calibration_error(bins: list[ReliabilityBin]) -> float:
    """Average the gaps between confidence and accuracy, weighted by clips.

    Raises
    ------
    ValueError
        If no bin holds a clip.

    References
    ----------
    Guo et al., equation (3).
    """
    total = sum(each.clips for each in bins)
    if not total:
        raise ValueError("no clip in any bin: expected at least one.")
    gaps = (
        each.clips * abs(each.accuracy - each.confidence)
        for each in bins
        if each.accuracy is not None and each.confidence is not None
    )
    return sum(gaps) / total


def _loss(score_NK: Floats, label_N: Ints) -> float:
    above_N = score_NK.max(axis=1)
    log_sum_N = above_N + np.log(np.exp(score_NK - above_N[:, None]).sum(axis=1))
    return float(np.mean(log_sum_N - score_NK[np.arange(len(label_N)), label_N]))


def _slope(log_NK: Floats, label_N: Ints, inverse: float) -> float:
    """Differentiate the loss by the inverse temperature: expected less actual log-probability."""
    expected_N = np.sum(softmax(log_NK * inverse) * log_NK, axis=1)
    return float(np.mean(expected_N - log_NK[np.arange(len(label_N)), label_N]))
