"""Wilkinghoff's fusion: logistic regression with a single weight for each model.

Better models should count more, but a regression with a weight for each model and class has more freedom than few
clips can restrain, and generalises worse. So every model has one weight, by which the logarithms of its probabilities
are multiplied after standardisation; the softmax of the sum over the models is the result, a weighted geometric mean.

Where the paper's text and table 6 differ or are silent:

* "We standardized the scores of each model" could mean one mean and deviation for each model. Table 6 gives the
  normalising layer 410 parameters for its 205 inputs, a mean and a variance for each model and class; so here.
* Table 6 counts six parameters: five weights and "one global bias". A bias that all classes share leaves a softmax
  as it is, so that it is left out.
* The minimum is found by Newton's method instead of 1,000 steps of Adam; the loss is convex with few parameters.

References
----------
.. [1] K. Wilkinghoff, "General-purpose audio tagging by ensembling convolutional neural networks based on multiple
   features", DCASE 2018, sections 2 and 3, table 6.

Shapes: E members, N clips, K classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.verification.probabilities import (
    Floats,
    Ints,
    checked_labels,
    checked_probabilities,
    log_probabilities,
    softmax,
)

PENALTY = 0.0005  # factor of the squared weights beside the mean loss, section 3

_STEPS = 50  # Newton's method needs about ten; the rest is for halved steps
_TOLERANCE = 1e-10  # of the slope of the mean loss
_STILL = 1e-9  # a smaller deviation is rounding, by which nothing may be divided


@dataclass(frozen=True)
class ModelWeights:
    """One weight for each model.

    Attributes
    ----------
    weight_E : float64 array [shape=(E,)]
        Weights of the standardised log-probabilities.
    mean_EK, deviation_EK : float64 array [shape=(E, K)]
        What the log-probabilities are standardised by; 1 where a column does not vary.
    """

    weight_E: Floats
    mean_EK: Floats
    deviation_EK: Floats

    def fuse(self, p_ENK: Floats) -> Floats:
        """Combine the models' probabilities.

        Parameters
        ----------
        p_ENK : float64 array [shape=(E, N, K)]
            Probabilities by model, in the order of the fit.

        Returns
        -------
        float64 array [shape=(N, K)]
            Probabilities.

        Raises
        ------
        ValueError
            If there are other models or classes than in the fit.
        """
        p_ENK = checked_probabilities("p_ENK", p_ENK, axes="ENK")
        if (p_ENK.shape[0], p_ENK.shape[2]) != self.mean_EK.shape:
            message = f"p_ENK has the shape {p_ENK.shape}: expected models and classes as in {self.mean_EK.shape}."
            raise ValueError(message)
        z_ENK = (log_probabilities(p_ENK) - self.mean_EK[:, None]) / self.deviation_EK[:, None]
        return softmax(np.einsum("e,enk->nk", self.weight_E, z_ENK))


def fit_model_weights(p_ENK: Floats, label_N: Ints, *, penalty: float = PENALTY) -> ModelWeights:
    """Fit one weight for each model to out-of-fold probabilities.

    Parameters
    ----------
    p_ENK : float64 array [shape=(E, N, K)]
        Out-of-fold probabilities by model.
    label_N : int64 array [shape=(N,)]
        Class of each clip.
    penalty : float
        Factor of the sum of the squared weights, beside the mean loss; above 0, so that the minimum exists.

    Returns
    -------
    ModelWeights
        The weights. A model that is worse than nothing has a negative one.

    Raises
    ------
    ValueError
        If the arrays do not fit each other, no clip is given or `penalty` is not above 0.

    References
    ----------
    Wilkinghoff, sections 2 and 3.
    """
    p_ENK = checked_probabilities("p_ENK", p_ENK, axes="ENK")
    _, n_clips, n_classes = p_ENK.shape
    label_N = checked_labels("label_N", label_N, n_clips=n_clips, n_classes=n_classes, lowest=0)
    if not n_clips or not penalty > 0:
        message = f"{n_clips} clips and penalty = {penalty}: expected at least 1 and more than 0."
        raise ValueError(message)
    log_ENK = log_probabilities(p_ENK)
    mean_EK, deviation_EK = log_ENK.mean(axis=1), log_ENK.std(axis=1)
    deviation_EK = np.where(deviation_EK > _STILL, deviation_EK, 1.0)
    z_ENK = (log_ENK - mean_EK[:, None]) / deviation_EK[:, None]
    return ModelWeights(_newton(z_ENK, label_N, penalty), mean_EK, deviation_EK)


def _newton(z_ENK: Floats, label_N: Ints, penalty: float) -> Floats:
    weight_E = np.zeros(len(z_ENK))
    value, slope_E, bend_EE = _loss(weight_E, z_ENK, label_N, penalty)
    for _ in range(_STEPS):
        if np.abs(slope_E).max() <= _TOLERANCE:
            break
        step_E = np.linalg.solve(bend_EE, slope_E)
        before = value
        value, slope_E, bend_EE = _loss(weight_E - step_E, z_ENK, label_N, penalty)
        while value > before + _TOLERANCE:  # far from the minimum the parabola may overshoot
            step_E = step_E / 2
            value, slope_E, bend_EE = _loss(weight_E - step_E, z_ENK, label_N, penalty)
        weight_E = weight_E - step_E
    return weight_E


def _loss(weight_E: Floats, z_ENK: Floats, label_N: Ints, penalty: float) -> tuple[float, Floats, Floats]:
    """Compute the penalised mean loss, its gradient and its matrix of second derivatives."""
    n_clips = len(label_N)
    clips = np.arange(n_clips)
    score_NK = np.einsum("e,enk->nk", weight_E, z_ENK)
    q_NK = softmax(score_NK)
    above_N = score_NK.max(axis=1)
    log_sum_N = above_N + np.log(np.exp(score_NK - above_N[:, None]).sum(axis=1))
    value = float(np.mean(log_sum_N - score_NK[clips, label_N])) + penalty * float(weight_E @ weight_E)
    expected_EN = np.einsum("enk,nk->en", z_ENK, q_NK)
    slope_E = (expected_EN - z_ENK[:, clips, label_N]).mean(axis=1) + 2 * penalty * weight_E
    spread_EE = np.einsum("enk,nk,fnk->ef", z_ENK, q_NK, z_ENK) - expected_EN @ expected_EN.T
    return value, slope_E, spread_EE / n_clips + 2 * penalty * np.eye(len(weight_E))
