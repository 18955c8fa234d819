"""What is left of probabilities once people have ruled classes out.

A person who hears that a class is absent does not say which one is present, but the probability of that class goes to
the others, in proportion to what they had:

    P(true = y | x, true in A) = p_y / sum over z in A of p_z    for y in A, the classes that are left; 0 for others.

This supposes that one of the classes that are left is present. Of a clip that holds none of them, it names the one that
it sounds most like.

Shapes: N clips, K classes.
"""

from __future__ import annotations

import numpy as np

from ml.verification.probabilities import Bools, Floats


def without_ruled_out(p_NK: Floats, ruled_out_NK: Bools) -> Floats:
    """Give the probability of ruled out classes to the others.

    Parameters
    ----------
    p_NK : float64 array [shape=(N, K)]
        Probabilities.
    ruled_out_NK : bool array [shape=(N, K)]
        Classes that people found absent.

    Returns
    -------
    float64 array [shape=(N, K)]
        Rows sum to 1. Where the classes that are left had no probability at all, they share it evenly; where none is
        left, all are 0. A row of which nothing is ruled out is as it was.
    """
    left_NK = np.where(ruled_out_NK, 0.0, p_NK)
    sum_N1 = left_NK.sum(axis=1, keepdims=True)
    even_NK = ~ruled_out_NK / np.maximum((~ruled_out_NK).sum(axis=1, keepdims=True), 1)
    left_NK = np.divide(left_NK, sum_N1, out=even_NK, where=sum_N1 > 0)
    kept_NK: Floats = np.where(ruled_out_NK.any(axis=1, keepdims=True), left_NK, p_NK)
    return kept_NK
