"""Quality estimate of a category: how often people confirm its candidate annotations.

The quality estimate (QE) is a proportion of ratings, and most categories have few of them, so it comes
with Wilson's score interval, which stays inside 0 to 1 and keeps its width where all ratings agree.

References
----------
.. [1] E. Fonseca et al., "General-purpose tagging of Freesound audio with AudioSet labels: Task
   description, dataset, and baseline", DCASE 2018, section 3.3, equation (1).
.. [2] E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of
   the American Statistical Association 22 (158), 1927, pp. 209-212, https://doi.org/10.2307/2276774.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

CONFIDENCE = 0.95
Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)  # 1.95996…: two-sided quantile of the normal distribution


@dataclass(frozen=True)
class QualityEstimate:
    """The ratings of one category and their quality estimate.

    Attributes
    ----------
    pp, pnp, np, u : int
        Ratings by response type (FSDKaggle2018 table 1).
    qe : float or None
        Share of ratings that confirm the category, 0 to 1; None where nobody rated.
    low, high : float
        Wilson's 95 % score interval for `qe`; 0 and 1 where nobody rated.
    """

    pp: int
    pnp: int
    np: int
    u: int
    qe: float | None
    low: float
    high: float

    @property
    def ratings(self) -> int:
        """Ratings in all."""
        return self.pp + self.pnp + self.np + self.u


def quality_estimate(pp: int, pnp: int, np: int, u: int) -> QualityEstimate:
    """Compute QE = (#PP + #PNP) / (#PP + #PNP + #NP + #U) of a category.

    Parameters
    ----------
    pp, pnp, np, u : int
        Ratings of each response type that were gathered in the category; U counts against.

    Returns
    -------
    QualityEstimate
        The estimate with its interval.

    Raises
    ------
    ValueError
        If a count is negative.

    References
    ----------
    FSDKaggle2018, section 3.3, equation (1).
    """
    if min(pp, pnp, np, u) < 0:
        message = f"counts PP={pp}, PNP={pnp}, NP={np}, U={u}: expected no negative number."
        raise ValueError(message)
    total = pp + pnp + np + u
    if total == 0:
        return QualityEstimate(pp, pnp, np, u, None, 0.0, 1.0)
    low, high = wilson_interval(pp + pnp, total)
    return QualityEstimate(pp, pnp, np, u, (pp + pnp) / total, low, high)


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """Return Wilson's 95 % score interval of a proportion.

    Parameters
    ----------
    successes, trials : int
        0 <= successes <= trials, trials at least 1.

    Returns
    -------
    low, high : float
        Bounds within 0 to 1; exactly 0 or 1 where no trial, or every trial, succeeded.

    Raises
    ------
    ValueError
        If the numbers are out of range.

    References
    ----------
    Wilson (1927).
    """
    if not 0 <= successes <= trials or trials < 1:
        message = f"{successes} of {trials}: expected 0 <= successes <= trials and at least one trial."
        raise ValueError(message)
    share = successes / trials
    scale = 1 + Z**2 / trials
    centre = (share + Z**2 / (2 * trials)) / scale
    half = Z / scale * sqrt(share * (1 - share) / trials + Z**2 / (4 * trials**2))
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == trials else centre + half
    return low, high
