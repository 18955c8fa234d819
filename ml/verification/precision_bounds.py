"""Lower bounds of a proportion: what precision 38 right labels of 38 prove.

The precision seen on held-out clips is an estimate; a promise needs its lower bound. Both bounds here are one-sided:
with confidence 0.95 the true proportion is below the bound in about one case of twenty. Wilson's score bound is right
on average over proportions and a little optimistic for some; that of Clopper and Pearson never is, and asks for
somewhat more clips.

References
----------
.. [1] E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the American
   Statistical Association 22 (158), 1927, pp. 209-212.
.. [2] C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits illustrated in the case of the
   binomial", Biometrika 26 (4), 1934, pp. 404-413.
.. [3] NIST Digital Library of Mathematical Functions, 8.17.22 (continued fraction of the incomplete beta function).
"""

from __future__ import annotations

from math import exp, lgamma, log, log1p, sqrt
from statistics import NormalDist

_TERMS = 500  # the continued fraction needs about the root of the number of clips
_PRECISION = 1e-14
_TINY = 1e-300  # stands for a denominator that is 0 by accident
_HALVINGS = 60


def wilson_lower(correct: int, clips: int, *, confidence: float) -> float:
    """Compute Wilson's one-sided lower bound of a proportion.

    Parameters
    ----------
    correct, clips : int
        Right ones and all; at least one clip.
    confidence : float
        Of one side, above 0 and below 1.

    Returns
    -------
    float
        The bound, 0 to 1.

    References
    ----------
    Wilson 1927.
    """
    _check(correct, clips, confidence)
    z = NormalDist().inv_cdf(confidence)
    share = correct / clips
    middle = share + z * z / (2 * clips)
    margin = z * sqrt(share * (1 - share) / clips + z * z / (4 * clips * clips))
    return max(0.0, (middle - margin) / (1 + z * z / clips))


def clopper_pearson_lower(correct: int, clips: int, *, confidence: float) -> float:
    """Compute Clopper and Pearson's one-sided lower bound of a proportion.

    Parameters
    ----------
    correct, clips : int
        Right ones and all; at least one clip.
    confidence : float
        Of one side, above 0 and below 1.

    Returns
    -------
    float
        The largest proportion with which as many right ones or more have a chance of at most ``1 - confidence``.

    References
    ----------
    Clopper and Pearson 1934.
    """
    _check(correct, clips, confidence)
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if chance_of_at_least(correct, clips, middle) > 1 - confidence:
            high = middle
        else:
            low = middle
    return low


def chance_of_at_least(correct: int, clips: int, proportion: float) -> float:
    """Compute the chance of at least `correct` right clips if each is right with the given chance.

    Parameters
    ----------
    correct, clips : int
        Right ones and all.
    proportion : float
        Chance of each, 0 to 1.

    Returns
    -------
    float
        Upper tail of the binomial distribution: the regularised incomplete beta function of `proportion` with
        parameters ``correct`` and ``clips - correct + 1``.
    """
    if correct <= 0 or proportion >= 1:
        return 1.0
    if proportion <= 0:
        return 0.0
    a, b = float(correct), float(clips - correct + 1)
    scale = lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(proportion) + b * log1p(-proportion)
    if proportion < (a + 1) / (a + b + 2):  # on the other side of the mean the mirrored fraction converges
        return exp(scale) * _fraction(a, b, proportion) / a
    return 1 - exp(scale) * _fraction(b, a, 1 - proportion) / b


def _fraction(a: float, b: float, x: float) -> float:
    """Evaluate the continued fraction from the front (modified Lentz's method)."""
    upper, lower = 1.0, 1 / _kept(1 - (a + b) * x / (a + 1))
    value = lower
    for m in range(1, _TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            lower = 1 / _kept(1 + term * lower)
            upper = _kept(1 + term / upper)
            value *= lower * upper
        if abs(lower * upper - 1) < _PRECISION:
            break
    return value


def _kept(number: float) -> float:
    return number if abs(number) > _TINY else _TINY


def _check(correct: int, clips: int, confidence: float) -> None:
    if not 0 <= correct <= clips or not clips or not 0 < confidence < 1:
        message = f"{correct} of {clips} with confidence {confidence}: expected 0 to all of some, and above 0 below 1."
        raise ValueError(message)
