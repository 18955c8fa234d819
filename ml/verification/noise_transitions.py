"""Label noise as a matrix, and what a label is worth under it.

Mistakes have a pattern: a "Trumpet" is rather taken for a "Saxophone" than for a "Bark". The matrix P(given | true)
holds it. Few clips stand in most of its cells, so each row is mixed with a Dirichlet prior that expects most labels to
be right. With it, and the assumption that mistakes depend on the class and not on the clip, Bayes' rule corrects the
network's answer by the label itself:

    P(true = j | clip, given = i)  is proportional to  p_j(clip) * P(given = i | true = j)

so that a class which is often mislabelled as i stays in question, and one never confused with i does not. The
probability that the label is right is this posterior at j = i. It supposes that p is about the true class, that is
calibrated on verified clips (`ml.verification.calibration`); a network trained on noisy labels predicts those, and
using its answers as they are would count the noise twice.

References
----------
.. [1] C. G. Northcutt, L. Jiang and I. L. Chuang, "Confident learning: estimating uncertainty in dataset labels",
   Journal of Artificial Intelligence Research 70, 2021, section 2 (class-conditional noise).
.. [2] A. Gelman et al., "Bayesian Data Analysis", 3rd edition, 2013, section 3.4 (multinomial model, Dirichlet prior).

Shapes: N clips, K classes; counts have given labels as rows, `transition_KK` has true ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.verification.probabilities import (
    NONE,
    Floats,
    Ints,
    checked_share,
    probability_of,
)


@dataclass(frozen=True, kw_only=True)
class NoiseConfig:
    """What is expected of labels before any is seen.

    Attributes
    ----------
    prior_clips : float
        Clips of each true class that the expectation is worth.
    prior_correct : float
        Share of labels expected to be right; the rest is spread evenly. FSDKaggle2018 expects at least 65 to 70 %
        of its non-verified labels to be right in each category.
    """

    prior_clips: float = 10.0
    prior_correct: float = 0.7

    def __post_init__(self) -> None:
        if not self.prior_clips > 0:
            message = f"prior_clips = {self.prior_clips}: expected more than 0."
            raise ValueError(message)
        checked_share("prior_correct", self.prior_correct)


def transition_matrix(count_KK: Floats, *, config: NoiseConfig) -> Floats:
    """Estimate P(given | true) from counts, smoothed towards the diagonal.

    Parameters
    ----------
    count_KK : float64 array [shape=(K, K)]
        Clips by given (row) and true class (column), not necessarily whole.
    config : NoiseConfig
        Prior.

    Returns
    -------
    float64 array [shape=(K, K)]
        Posterior mean of P(given = column | true = row) with a Dirichlet prior; each row sums to 1.
    """
    n_classes = len(count_KK)
    if n_classes == 1:
        return np.ones((1, 1))
    prior_KK = np.full((n_classes, n_classes), (1 - config.prior_correct) / (n_classes - 1))
    np.fill_diagonal(prior_KK, config.prior_correct)
    weight_KK = np.asarray(count_KK, dtype=np.float64).T + config.prior_clips * prior_KK
    transition_KK: Floats = weight_KK / weight_KK.sum(axis=1, keepdims=True)
    return transition_KK


def true_class_posterior(p_NK: Floats, given_N: Ints, transition_KK: Floats) -> Floats:
    """Correct each clip's probabilities by what its given label says.

    Parameters
    ----------
    p_NK : float64 array [shape=(N, K)]
        Probabilities of the true class without the label.
    given_N : int64 array [shape=(N,)]
        Given labels, -1 for none.
    transition_KK : float64 array [shape=(K, K)]
        P(given | true), true class as row.

    Returns
    -------
    float64 array [shape=(N, K)]
        P(true | clip, given). Clips without a label keep their probabilities, and so do those whose label the
        noise holds impossible for every class that p allows.
    """
    posterior_NK = p_NK.copy()
    labelled_N = given_N != NONE
    joint_NK = p_NK[labelled_N] * transition_KK[:, given_N[labelled_N]].T
    sum_N1 = joint_NK.sum(axis=1, keepdims=True)
    posterior_NK[labelled_N] = np.divide(joint_NK, sum_N1, out=p_NK[labelled_N].copy(), where=sum_N1 > 0)
    return posterior_NK


def p_label_correct(p_NK: Floats, given_N: Ints, transition_KK: Floats) -> Floats:
    """Compute the probability that each given label is right.

    Returns
    -------
    float64 array [shape=(N,)]
        The posterior of the given class; 0 for a clip without a label.
    """
    return probability_of(true_class_posterior(p_NK, given_N, transition_KK), given_N)
