"""Precision against coverage: what a stricter threshold buys and what it costs.

Accepting only the surest labels makes few mistakes and saves little listening; accepting more does the opposite. The
curve shows the choice, at every threshold that makes a difference, on clips of which it is known whether the label
is right.

Shapes: N clips, M distinct thresholds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.verification.probabilities import Bools, Floats, Ints


@dataclass(frozen=True)
class PrecisionCoverage:
    """Precision and coverage at each threshold that makes a difference, lowest threshold first.

    Attributes
    ----------
    threshold_M : float64 array [shape=(M,)]
        Distinct probabilities, ascending.
    accepted_M, correct_M : int64 array [shape=(M,)]
        Clips at or above the threshold, and those of them that are right.
    precision_M, coverage_M : float64 array [shape=(M,)]
        ``correct / accepted`` and ``accepted / clips``.
    """

    threshold_M: Floats
    accepted_M: Ints
    correct_M: Ints
    precision_M: Floats
    coverage_M: Floats


def precision_coverage(p_correct_N: Floats, is_correct_N: Bools) -> PrecisionCoverage:
    """Trace precision against coverage over all thresholds.

    Parameters
    ----------
    p_correct_N : float64 array [shape=(N,)]
        Probability that each label is right, 0 to 1.
    is_correct_N : bool array [shape=(N,)]
        Whether it is.

    Returns
    -------
    PrecisionCoverage
        The curve; empty without clips. Clips with equal probabilities are accepted together.

    Raises
    ------
    ValueError
        If the arrays differ in length or a probability is outside 0 to 1.
    """
    p_correct_N = checked_chances(p_correct_N)
    if len(is_correct_N) != len(p_correct_N):
        message = f"is_correct_N has {len(is_correct_N)} clips: expected {len(p_correct_N)}."
        raise ValueError(message)
    threshold_M, level_N, at_M = np.unique(p_correct_N, return_inverse=True, return_counts=True)
    right_M = np.bincount(level_N[is_correct_N], minlength=len(threshold_M))
    accepted_M = np.cumsum(at_M[::-1])[::-1].astype(np.int64)
    correct_M = np.cumsum(right_M[::-1])[::-1].astype(np.int64)
    return PrecisionCoverage(
        threshold_M, accepted_M, correct_M, correct_M / accepted_M, accepted_M / max(1, len(p_correct_N))
    )


def checked_chances(p_correct_N: Floats) -> Floats:
    """Return probabilities of being right as float64.

    Raises
    ------
    ValueError
        If one is outside 0 to 1.
    """
    p_correct_N = np.asarray(p_correct_N, dtype=np.float64)
    if not np.all((p_correct_N >= 0) & (p_correct_N <= 1)):
        message = f"p_correct_N holds {np.min(p_correct_N)} to {np.max(p_correct_N)}: expected 0 to 1."
        raise ValueError(message)
    return p_correct_N
