"""Disagreement between the members of an ensemble.

One unsure network and three sure ones that contradict each other may give the same mean, yet they mean different
things: the first finds the clip hard, the others have learned different things, and a person's answer would teach at
least two of them. The Jensen-Shannon divergence tells them apart: the entropy of the mean less the mean of the
entropies. It is at most the logarithm of E and at most that of K, and is divided by the smaller, so that ensembles of
different sizes compare. 1 is reached where the members, each of them certain, fall in equal numbers on min(E, K)
classes.

References
----------
.. [1] J. Lin, "Divergence measures based on the Shannon entropy", IEEE Transactions on Information Theory 37 (1),
   1991, section IV.

Shapes: E members, N clips, K classes.
"""

from __future__ import annotations

import numpy as np

from ml.verification.probabilities import FLOOR, Floats, checked_probabilities


def disagreement(p_ENK: Floats) -> Floats:
    """Measure how far the members contradict each other.

    Parameters
    ----------
    p_ENK : float64 array [shape=(E, N, K)]
        Probabilities by member.

    Returns
    -------
    float64 array [shape=(N,)]
        0 where all say the same, or there is only one, to 1.

    Raises
    ------
    ValueError
        If the array does not hold probabilities of at least one member.

    References
    ----------
    Lin 1991, section IV.
    """
    p_ENK = checked_probabilities("p_ENK", p_ENK, axes="ENK")
    n_members, n_clips, n_classes = p_ENK.shape
    if not n_members:
        raise ValueError("p_ENK has no member: expected at least one.")
    if min(n_members, n_classes) == 1:
        return np.zeros(n_clips)
    spread_N = _entropy(p_ENK.mean(axis=0)) - _entropy(p_ENK).mean(axis=0)
    share_N: Floats = np.clip(spread_N / np.log(min(n_members, n_classes)), 0.0, 1.0)
    return share_N


def _entropy(p_K: Floats) -> Floats:
    """Compute the entropy over the last axis in nats."""
    entropy: Floats = -np.sum(p_K * np.log(np.maximum(p_K, FLOOR)), axis=-1)
    return entropy
