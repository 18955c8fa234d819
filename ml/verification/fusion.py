"""Combining the probabilities of the members of an ensemble.

Members that err differently are better together, and how their answers are joined matters: the arithmetic mean
lets one sure member carry a class, the geometric mean lets one doubting member stop it, and ranks ignore how sure
anybody is, which helps where members are calibrated differently.

* Arithmetic: mean of the probabilities, weighted by shares.
* Geometric: ``exp(sum_e w_e log p_e)``, divided by its sum (Jeong, equation 8). Without weights every member has 1/E,
  the plain geometric mean of Nguyen's ensemble and of Iqbal's chunks. Weights are taken as they stand, as in
  equation (8), where 1.5 and 1 sum to 2.5: a sum above 1 sharpens the result.
* Rank: each member gives K - 1 points to its best class, down to 0 for its last (Borda count); equal classes share
  their points. Points divided by their sum order the classes, but no class has more than 2/K of them: thresholds
  made for probabilities do not suit them.

Learned weights are in `ml.verification.stacked_logistic` and `ml.verification.model_weights`.

References
----------
.. [1] I.-Y. Jeong and H. Lim, "Audio tagging system using densely connected convolutional networks", DCASE 2018,
   section 3.4, equation (8).
.. [2] T. N. T. Nguyen et al., DCASE 2018, section 3 (geometric mean of three networks).
.. [3] J. Kittler et al., "On combining classifiers", IEEE Transactions on Pattern Analysis and Machine Intelligence
   20 (3), 1998 (sum and product rules); T. K. Ho et al., ibid. 16 (1), 1994 (Borda count).

Shapes: E members, N clips, K classes.
"""

from __future__ import annotations

import numpy as np

from ml.verification.probabilities import Floats, checked_probabilities, log_probabilities, softmax


def arithmetic_mean(p_ENK: Floats, *, weight_E: Floats | None = None) -> Floats:
    """Average the members' probabilities.

    Parameters
    ----------
    p_ENK : float64 array [shape=(E, N, K)]
        Probabilities by member.
    weight_E : float64 array [shape=(E,)], optional
        How much each member counts; divided by their sum.

    Returns
    -------
    float64 array [shape=(N, K)]
        Probabilities.

    Raises
    ------
    ValueError
        If the arrays do not fit each other or a weight is negative or all are zero.
    """
    p_ENK = checked_probabilities("p_ENK", p_ENK, axes="ENK")
    weight_E = _checked_weights(p_ENK, weight_E)
    mean_NK: Floats = np.einsum("e,enk->nk", weight_E / weight_E.sum(), p_ENK)
    return mean_NK


def geometric_mean(p_ENK: Floats, *, weight_E: Floats | None = None) -> Floats:
    """Average the members' log-probabilities.

    Parameters
    ----------
    p_ENK : float64 array [shape=(E, N, K)]
        Probabilities by member; those below 1e-12 are raised to it, so that a member's rounding to zero does not
        forbid a class that all others see.
    weight_E : float64 array [shape=(E,)], optional
        Exponents, taken as they stand; 1/E each if not given.

    Returns
    -------
    float64 array [shape=(N, K)]
        Probabilities; each row is divided by its sum.

    Raises
    ------
    ValueError
        If the arrays do not fit each other or a weight is negative or all are zero.

    References
    ----------
    Jeong and Lim, equation (8).
    """
    p_ENK = checked_probabilities("p_ENK", p_ENK, axes="ENK")
    weight_E = _checked_weights(p_ENK, weight_E)
    return softmax(np.einsum("e,enk->nk", weight_E, log_probabilities(p_ENK)))


def rank_mean(p_ENK: Floats, *, weight_E: Floats | None = None) -> Floats:
    """Average the points that the members give to the classes of a clip.

    Parameters
    ----------
    p_ENK : float64 array [shape=(E, N, K)]
        Probabilities by member; only their order within a clip counts.
    weight_E : float64 array [shape=(E,)], optional
        How much each member counts; divided by their sum.

    Returns
    -------
    float64 array [shape=(N, K)]
        Shares of the points; each row sums to 1.

    Raises
    ------
    ValueError
        If the arrays do not fit each other or a weight is negative or all are zero.
    """
    p_ENK = checked_probabilities("p_ENK", p_ENK, axes="ENK")
    weight_E = _checked_weights(p_ENK, weight_E)
    n_classes = p_ENK.shape[-1]
    if n_classes == 1:
        return np.ones(p_ENK.shape[1:])  # one class beats nobody and has no points to divide
    given = n_classes * (n_classes - 1) / 2
    points_NK: Floats = np.einsum("e,enk->nk", weight_E / (weight_E.sum() * given), _points(p_ENK))
    return points_NK


def _points(p_ENK: Floats) -> Floats:
    """Count the classes that each class beats, ties as one half."""
    points_ENK = np.empty_like(p_ENK)
    for own in range(p_ENK.shape[-1]):  # class by class: a comparison of all pairs at once would need E*N*K*K bytes
        own_EN1 = p_ENK[..., own : own + 1]
        beaten_EN = np.count_nonzero(p_ENK < own_EN1, axis=-1)
        tied_EN = np.count_nonzero(p_ENK == own_EN1, axis=-1) - 1
        points_ENK[..., own] = beaten_EN + tied_EN / 2
    return points_ENK


def _checked_weights(p_ENK: Floats, weight_E: Floats | None) -> Floats:
    n_members = len(p_ENK)
    if not n_members:
        raise ValueError("p_ENK has no member: expected at least one.")
    if weight_E is None:
        return np.full(n_members, 1 / n_members)
    weight_E = np.asarray(weight_E, dtype=np.float64)
    if weight_E.shape != (n_members,) or not np.isfinite(weight_E).all() or weight_E.min() < 0 or not weight_E.any():
        message = f"weight_E = {weight_E}: expected {n_members} numbers, none negative, one above 0."
        raise ValueError(message)
    return weight_E
