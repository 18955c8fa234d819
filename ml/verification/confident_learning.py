"""Confident learning: which classes are mistaken for which.

A threshold for all classes finds errors where the network is unsure by nature and none where it is sure. Confident
learning compares each class with itself: its threshold is the mean probability that clips labelled so get for it. A
clip whose probability for class j reaches the threshold of j counts as truly j (of several such classes, as the
most probable). Counted by given label these clips are the confident joint; its rows are scaled to the number of clips
with each label, which gives the joint distribution of given and true labels, and from it the noise
(`ml.verification.noise_transitions`).

What the paper leaves open: a class that no clip is labelled with has no mean, and is never confidently counted; a
label with no confident clip has an empty row, for which its clips are taken to be right; equally probable classes
above their thresholds count for none.

References
----------
.. [1] C. G. Northcutt, L. Jiang and I. L. Chuang, "Confident learning: estimating uncertainty in dataset labels",
   Journal of Artificial Intelligence Research 70, 2021, section 3.1, equations (1) to (3).

Shapes: N clips, K classes; matrices of given and true labels have given as rows, `transition_KK` has true as rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.verification.noise_transitions import NoiseConfig, transition_matrix
from ml.verification.probabilities import (
    NONE,
    Floats,
    Ints,
    best_classes,
    checked_labels,
    checked_probabilities,
    probability_of,
)

_SLACK = 1e-12  # the mean of equal numbers may exceed them by rounding; they reach it all the same


@dataclass(frozen=True)
class LabelNoise:
    """What the labels of a dataset are estimated to be.

    Attributes
    ----------
    threshold_K : float64 array [shape=(K,)]
        Mean self-confidence of each class; infinite for a class that no clip is labelled with.
    confident_KK : int64 array [shape=(K, K)]
        Confident joint: clips by given (row) and confidently true class (column).
    joint_KK : float64 array [shape=(K, K)]
        Joint distribution of given (row) and true class (column); sums to 1.
    transition_KK : float64 array [shape=(K, K)]
        P(given | true): each row, a true class, sums to 1.
    """

    threshold_K: Floats
    confident_KK: Ints
    joint_KK: Floats
    transition_KK: Floats


def estimate_noise(p_NK: Floats, given_N: Ints, *, config: NoiseConfig) -> LabelNoise:
    """Estimate how given labels depend on true ones.

    Parameters
    ----------
    p_NK : float64 array [shape=(N, K)]
        Probabilities, out of fold.
    given_N : int64 array [shape=(N,)]
        Given labels, -1 for none; at least one clip has one.
    config : NoiseConfig
        Prior.

    Returns
    -------
    LabelNoise
        Thresholds, joint and transitions.

    Raises
    ------
    ValueError
        If the arrays do not fit each other or no clip has a label.
    """
    p_NK = checked_probabilities("p_NK", p_NK, axes="NK")
    n_classes = p_NK.shape[1]
    given_N = checked_labels("given_N", given_N, n_clips=len(p_NK), n_classes=n_classes)
    threshold_K = class_thresholds(p_NK, given_N)
    confident_KK = confident_joint(p_NK, given_N, threshold_K)
    given_K = np.bincount(given_N[given_N != NONE], minlength=n_classes)
    joint_KK = calibrated_joint(confident_KK, given_K)
    count_KK = joint_KK * given_K.sum()
    return LabelNoise(threshold_K, confident_KK, joint_KK, transition_matrix(count_KK, config=config))


def class_thresholds(p_NK: Floats, given_N: Ints) -> Floats:
    """Average the probability of each class over the clips labelled so (equation 2).

    Returns
    -------
    float64 array [shape=(K,)]
        Thresholds; infinite for a class that no clip is labelled with.
    """
    n_classes = p_NK.shape[1]
    labelled_N = given_N != NONE
    sum_K = np.bincount(given_N[labelled_N], weights=probability_of(p_NK, given_N)[labelled_N], minlength=n_classes)
    clips_K = np.bincount(given_N[labelled_N], minlength=n_classes)
    threshold_K = np.full(n_classes, np.inf)
    np.divide(sum_K, clips_K, out=threshold_K, where=clips_K > 0)
    return threshold_K


def confident_joint(p_NK: Floats, given_N: Ints, threshold_K: Floats) -> Ints:
    """Count clips by given and confidently true class (equation 1).

    Returns
    -------
    int64 array [shape=(K, K)]
        Given class (row) and the most probable of those that reach their thresholds (column). Clips that reach
        none, or have no label, are not counted.
    """
    n_classes = p_NK.shape[1]
    reached_NK = p_NK >= threshold_K - _SLACK
    true_N, _ = best_classes(np.where(reached_NK, p_NK, -1.0))
    counted_N = (given_N != NONE) & reached_NK.any(axis=1) & (true_N != NONE)
    count_KK = np.zeros((n_classes, n_classes), dtype=np.int64)
    np.add.at(count_KK, (given_N[counted_N], true_N[counted_N]), 1)
    return count_KK


def calibrated_joint(confident_KK: Ints, given_K: Ints) -> Floats:
    """Scale the confident joint so that its rows sum to the share of each given label (equation 3).

    Parameters
    ----------
    confident_KK : int64 array [shape=(K, K)]
        Confident joint.
    given_K : int64 array [shape=(K,)]
        Clips with each given label.

    Returns
    -------
    float64 array [shape=(K, K)]
        Joint distribution of given (row) and true class (column); sums to 1. A row without confident clips stands
        on the diagonal.

    Raises
    ------
    ValueError
        If no clip has a label.
    """
    total = int(given_K.sum())
    if not total:
        raise ValueError("no clip has a given label: expected at least one.")
    row_K = confident_KK.sum(axis=1)
    share_KK = np.eye(len(given_K))
    np.divide(confident_KK, row_K[:, None], out=share_KK, where=row_K[:, None] > 0)
    return share_KK * (given_K / total)[:, None]
