"""Choosing from the curve of what thresholds assure (`ml.verification.auto_accept`), with numpy alone: pages do it.

Shapes: N clips.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ml.verification.probabilities import Bools, Floats, checked_share

_SLACK = 1e-12  # the mean of three times 0.95 is less than 0.95 in binary


@dataclass(frozen=True)
class AcceptThreshold:
    """The threshold, if there is one.

    Attributes
    ----------
    threshold : float or None
        Labels with at least this probability of being right are accepted; None: none is.
    precision : float or None
        Share of the accepted labels that is right at least, as the module says.
    accepted, clips : int
        Labels at or above the threshold, and all that were given.
    """

    threshold: float | None
    precision: float | None
    accepted: int
    clips: int

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


def first_reaching(points: Iterable[tuple[float, int, float]], *, precision: float, clips: int) -> AcceptThreshold:
    """Choose from a curve.

    Parameters
    ----------
    points : iterable of (float, int, float)
        Threshold, accepted labels and assured precision of each point of an `AcceptanceCurve`, or of some of them.
    precision : float
        Share of the accepted labels that must be right, 0 to 1.
    clips : int
        Labels that were judged.

    Returns
    -------
    AcceptThreshold
        The threshold, if one of them reaches the precision.

    Raises
    ------
    ValueError
        If `precision` is outside 0 to 1.
    """
    checked_share("precision", precision)
    for threshold, accepted, assured in points:
        if assured >= precision - _SLACK:
            return AcceptThreshold(threshold, assured, int(accepted), clips)
    return AcceptThreshold(None, None, 0, clips)
