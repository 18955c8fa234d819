"""Accepting labels without listening, at a stated precision.

A label whose probability of being right is high need not be heard; how high is enough is not for people to guess. The
threshold is the smallest at which the accepted labels are right in at least the stated share of cases. There are two
witnesses:

* Held-out verified clips (`threshold_from_held_out`), of which it is known whether the label is right. Clips that
  people verified have hardly any wrong label, so their labels are first corrupted by the estimated noise
  (`ml.verification.noise_transitions.corrupted_labels`), or the threshold would be too low.
* The probabilities themselves (`threshold_from_expectation`): if they are calibrated, the mean over the accepted
  clips is the expected precision. This needs no verified clip and believes the calibration.

A precision seen on few clips proves little. By default the lower confidence bound must reach the stated precision, and
at least 20 held-out clips must be accepted. The bound holds for one threshold; choosing the smallest of many that
pass favours lucky ones, so that the true precision may lie a little lower. If none passes, the answer says why, and
nothing is accepted.

Shapes: N clips, M distinct thresholds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ml.verification.precision_bounds import chance_of_at_least, clopper_pearson_lower, wilson_lower
from ml.verification.precision_coverage import checked_chances, precision_coverage
from ml.verification.probabilities import Bools, Floats, checked_share

Bound = Literal["none", "wilson", "clopper_pearson"]

_SLACK = 1e-12  # the mean of three times 0.95 is less than 0.95 in binary


@dataclass(frozen=True, kw_only=True)
class AutoAcceptConfig:
    """What accepted labels must fulfil.

    Attributes
    ----------
    precision : float
        Share of the accepted labels that must be right.
    bound : "none", "wilson" or "clopper_pearson"
        What must reach it: the share seen on held-out clips, or a one-sided lower bound of it.
    confidence : float
        Confidence of the bound.
    fewest : int
        Held-out clips that a threshold must accept to be considered.
    """

    precision: float = 0.95
    bound: Bound = "wilson"
    confidence: float = 0.95
    fewest: int = 20

    def __post_init__(self) -> None:
        checked_share("precision", self.precision)
        if self.bound not in ("none", "wilson", "clopper_pearson"):
            message = f"bound = {self.bound!r}: expected 'none', 'wilson' or 'clopper_pearson'."
            raise ValueError(message)
        if not 0 < self.confidence < 1:
            message = f"confidence = {self.confidence}: expected above 0 and below 1."
            raise ValueError(message)
        if self.fewest < 1:
            message = f"fewest = {self.fewest}: expected 1 or more."
            raise ValueError(message)


@dataclass(frozen=True)
class AcceptThreshold:
    """The threshold, or why there is none.

    Attributes
    ----------
    threshold : float or None
        Labels with at least this probability of being right are accepted; None: none is.
    precision : float or None
        Share of the accepted clips that were right, or that are expected to be.
    lower_bound : float or None
        Lower bound of the precision, where one was asked for.
    accepted, clips : int
        Clips at or above the threshold, and all that were given.
    reason : str
        Why there is no threshold, else empty.
    """

    threshold: float | None
    precision: float | None
    lower_bound: float | None
    accepted: int
    clips: int
    reason: str = ""

    @property
    def coverage(self) -> float:
        """Share of the given clips that are accepted, 0 to 1."""
        return self.accepted / self.clips if self.clips else 0.0

    def accepts(self, p_correct_N: Floats) -> Bools:
        """Decide which labels to accept.

        Parameters
        ----------
        p_correct_N : float64 array [shape=(N,)]
            Probability that each label is right.

        Returns
        -------
        bool array [shape=(N,)]
            True where it reaches the threshold; nowhere if there is none.
        """
        if self.threshold is None:
            return np.zeros(len(p_correct_N), dtype=np.bool_)
        return p_correct_N >= self.threshold


def threshold_from_held_out(p_correct_N: Floats, is_correct_N: Bools, *, config: AutoAcceptConfig) -> AcceptThreshold:
    """Choose the smallest threshold whose accepted held-out clips are right often enough.

    Parameters
    ----------
    p_correct_N : float64 array [shape=(N,)]
        Probability that the label of each held-out clip is right.
    is_correct_N : bool array [shape=(N,)]
        Whether it is.
    config : AutoAcceptConfig
        Precision, bound and fewest clips.

    Returns
    -------
    AcceptThreshold
        The threshold, or the reason why there is none.

    Raises
    ------
    ValueError
        If the arrays differ in length or a probability is outside 0 to 1.
    """
    curve = precision_coverage(p_correct_N, is_correct_N)
    clips = len(p_correct_N)
    enough_M = curve.accepted_M >= config.fewest
    if not enough_M.any():
        return AcceptThreshold(None, None, None, 0, clips, f"{clips} held-out clips: at least {config.fewest} needed.")
    for place in np.flatnonzero(enough_M & (curve.precision_M >= config.precision)):
        correct, accepted = int(curve.correct_M[place]), int(curve.accepted_M[place])
        if _proven(correct, accepted, config):
            precision = float(curve.precision_M[place])
            lower = _lower_bound(correct, accepted, config)
            return AcceptThreshold(float(curve.threshold_M[place]), precision, lower, accepted, clips)
    best = float(curve.precision_M[enough_M].max())
    reason = f"The highest precision with at least {config.fewest} clips is {best:.3f}"
    if config.bound != "none" and best >= config.precision:
        reason += f", whose lower bound does not reach {config.precision}"
    return AcceptThreshold(None, None, None, 0, clips, f"{reason}; {config.precision} was asked for.")


def threshold_from_expectation(p_correct_N: Floats, *, precision: float) -> AcceptThreshold:
    """Choose the smallest threshold whose accepted clips are expected to be right often enough.

    Parameters
    ----------
    p_correct_N : float64 array [shape=(N,)]
        Calibrated probability that each label is right, of the very clips that wait for acceptance.
    precision : float
        Share of the accepted labels that must be right, 0 to 1.

    Returns
    -------
    AcceptThreshold
        The threshold, or the reason why there is none. The expected precision only falls as more clips are
        accepted, so the choice is unique.

    Raises
    ------
    ValueError
        If a probability or `precision` is outside 0 to 1.
    """
    checked_share("precision", precision)
    p_correct_N = checked_chances(p_correct_N)
    clips = len(p_correct_N)
    threshold_M, at_M = np.unique(p_correct_N, return_counts=True)
    accepted_M = np.cumsum(at_M[::-1])[::-1]
    expected_M = np.cumsum((threshold_M * at_M)[::-1])[::-1] / accepted_M
    passing = np.flatnonzero(expected_M >= precision - _SLACK)
    if not len(passing):
        highest = f"{float(threshold_M[-1]):.3f}" if clips else "of no clip"
        return AcceptThreshold(
            None, None, None, 0, clips, f"The highest probability is {highest}; {precision} was asked for."
        )
    place = int(passing[0])
    return AcceptThreshold(float(threshold_M[place]), float(expected_M[place]), None, int(accepted_M[place]), clips)


def _proven(correct: int, accepted: int, config: AutoAcceptConfig) -> bool:
    if config.bound == "wilson":
        return wilson_lower(correct, accepted, confidence=config.confidence) >= config.precision
    if config.bound == "clopper_pearson":  # the bound reaches the precision where so many right ones are unlikely
        return chance_of_at_least(correct, accepted, config.precision) <= 1 - config.confidence
    return True


def _lower_bound(correct: int, accepted: int, config: AutoAcceptConfig) -> float | None:
    if config.bound == "wilson":
        return wilson_lower(correct, accepted, confidence=config.confidence)
    if config.bound == "clopper_pearson":
        return clopper_pearson_lower(correct, accepted, confidence=config.confidence)
    return None
