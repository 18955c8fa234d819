"""Label smoothing for labels that nobody and no rule could confirm.

A clip that stayed non-verified is either wrongly labelled or an unusual example of its class, and nobody knows which.
Nguyen et al. keep it, but take a part epsilon of its label away and share it among all classes, drawing epsilon
between 0.1 and 0.3.

Equation (2) gives epsilon/k to each of the k - 1 other classes and 1 - (k - 1)/k * epsilon to the target. Together
that is 1 - (k - 1)/k * epsilon + (k - 1) * epsilon/k = 1: rows sum to 1. (A smoothing that left 1 - epsilon to the
target and epsilon/k to the others would not.) The paper does not say whether epsilon is drawn once, by batch or by
clip; here by clip.

References
----------
.. [1] T. N. T. Nguyen et al., "DCASE 2018 task 2: iterative training, label smoothing, and background noise
   normalization for audio event tagging", DCASE 2018, section 3, equation (2).

Shapes: N clips, K classes.
"""

from __future__ import annotations

import numpy as np

from ml.verification.probabilities import Floats, Ints, checked_labels

EPSILON_RANGE = (0.1, 0.3)  # Nguyen et al., below equation (2)


def draw_epsilons(n_clips: int, *, generator: np.random.Generator) -> Floats:
    """Draw a smoothing for each clip, uniformly from `EPSILON_RANGE`.

    Parameters
    ----------
    n_clips : int
        N.
    generator : numpy.random.Generator
        Source of the draws.

    Returns
    -------
    float64 array [shape=(N,)]
        Smoothings.
    """
    return generator.uniform(*EPSILON_RANGE, size=n_clips)


def smoothed_labels(label_N: Ints, epsilon_N: Floats, *, n_classes: int) -> Floats:
    """Turn labels into smoothed targets.

    Parameters
    ----------
    label_N : int64 array [shape=(N,)]
        Class of each clip.
    epsilon_N : float64 array [shape=(N,)]
        Part of each label that is shared among all classes, 0 to 1; 0 leaves a one-hot row.
    n_classes : int
        K.

    Returns
    -------
    float64 array [shape=(N, K)]
        Targets; each row sums to 1.

    Raises
    ------
    ValueError
        If a label is not a class, or a smoothing is outside 0 to 1 or missing.

    References
    ----------
    Nguyen et al., equation (2).
    """
    label_N = checked_labels("label_N", label_N, n_clips=len(epsilon_N), n_classes=n_classes, lowest=0)
    if not np.all((epsilon_N >= 0) & (epsilon_N <= 1)):
        message = f"epsilon_N holds {np.min(epsilon_N)} to {np.max(epsilon_N)}: expected 0 to 1."
        raise ValueError(message)
    target_NK = np.repeat(epsilon_N[:, None] / n_classes, n_classes, axis=1)
    target_NK[np.arange(len(label_N)), label_N] = 1 - (n_classes - 1) / n_classes * epsilon_N
    return target_NK
