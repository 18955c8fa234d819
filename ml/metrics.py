"""Measures of how well predictions and rankings match known labels.

One place says what each number means where textbooks leave room: what becomes of a class that nobody predicted
(the caller says), of equal scores (they are treated alike, so that no measure depends on the order of the rows or
on the numbers of the classes) and of an empty input (an error, not a silent zero).

Rankings of the classes of a clip are judged by MAP@3, the measure of DCASE 2018 task 2: 1, 1/2 or 1/3 if the
label comes first, second or third, else 0 [1]_. Rankings of clips, most suspicious first, are judged by the area
under the ROC curve, by average precision and by the share of the wrong labels that a review of the first part finds.

Shapes: N clips, K classes.

References
----------
.. [1] E. Fonseca et al., "General-purpose tagging of Freesound audio with AudioSet labels: Task description,
   dataset, and baseline", DCASE 2018, section 2.1.
.. [2] T. Fawcett, "An introduction to ROC analysis", Pattern Recognition Letters 27, 2006, sections 4 and 7.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_SLACK = 1e-9  # 0.29 * 100 is 28.999…96 in binary; a share of whole clips must not lose one


@dataclass(frozen=True)
class ClassScores:
    """Precision, recall and F1 of each class.

    Attributes
    ----------
    precision_K, recall_K, f1_K : float64 array [shape=(K,)]
        Scores, 0 to 1, or the caller's value where the denominator is zero.
    support_K : int64 array [shape=(K,)]
        Clips that truly belong to the class.
    """

    precision_K: Floats
    recall_K: Floats
    f1_K: Floats
    support_K: Ints


def accuracy(true_N: Ints, predicted_N: Ints) -> float:
    """Compute the share of clips whose predicted class is the true one.

    Raises
    ------
    ValueError
        If the arrays are empty or differ in length.
    """
    true_N, predicted_N = _paired(true_N, predicted_N)
    return float(np.mean(true_N == predicted_N))


def confusion_matrix(true_N: Ints, predicted_N: Ints, *, n_classes: int) -> Ints:
    """Count clips by true and predicted class.

    Returns
    -------
    int64 array [shape=(K, K)]
        Row: true class; column: predicted class.

    Raises
    ------
    ValueError
        If the arrays differ in length or a class is not in 0 to ``n_classes - 1``.
    """
    if len(true_N) != len(predicted_N):
        message = f"{len(true_N)} true and {len(predicted_N)} predicted classes: expected as many."
        raise ValueError(message)
    counts_KK = np.zeros((n_classes, n_classes), dtype=np.int64)
    if not len(true_N):
        return counts_KK
    for name, class_N in (("true_N", true_N), ("predicted_N", predicted_N)):
        if class_N.min() < 0 or class_N.max() >= n_classes:
            message = f"{name} holds {class_N.min()} to {class_N.max()}: expected 0 to {n_classes - 1}."
            raise ValueError(message)
    np.add.at(counts_KK, (true_N, predicted_N), 1)
    return counts_KK


def class_scores(confusion_KK: Ints, *, zero_division: float) -> ClassScores:
    """Compute precision, recall and F1 of each class.

    Parameters
    ----------
    confusion_KK : int64 array [shape=(K, K)]
        Clips by true (row) and predicted (column) class.
    zero_division : float
        Value of a score without a denominator: precision of a class that was never predicted, recall of one that
        never occurs, F1 of one that does neither. NaN leaves such classes out of `numpy.nanmean`.

    Returns
    -------
    ClassScores
        Scores by class.
    """
    hit_K = np.diag(confusion_KK)
    support_K, predicted_K = confusion_KK.sum(axis=1), confusion_KK.sum(axis=0)
    return ClassScores(
        precision_K=_quotient(hit_K, predicted_K, zero_division),
        recall_K=_quotient(hit_K, support_K, zero_division),
        f1_K=_quotient(2 * hit_K, support_K + predicted_K, zero_division),
        support_K=support_K,
    )


def label_positions(p_NK: Floats, label_N: Ints) -> Ints:
    """Find at which position the classes of each clip, most probable first, name its label.

    A tie counts against the label: it comes after all classes that are as probable. So a classifier that gives all
    classes the same probability scores nothing, and renumbering the classes changes nothing.

    Parameters
    ----------
    p_NK : float64 array [shape=(N, K)]
        Scores or probabilities of the classes.
    label_N : int64 array [shape=(N,)]
        Class of each clip, 0 to K - 1.

    Returns
    -------
    int64 array [shape=(N,)]
        1 for the best class, K for the last.
    """
    own_N1 = np.take_along_axis(p_NK, label_N[:, None], axis=1)
    position_N: Ints = np.count_nonzero(p_NK >= own_N1, axis=1).astype(np.int64)
    return position_N


def map_at_k(p_NK: Floats, label_N: Ints, *, k: int = 3) -> float:
    """Compute the mean average precision at `k` of clips with one label each.

    Parameters
    ----------
    p_NK : float64 array [shape=(N, K)]
        Scores or probabilities of the classes.
    label_N : int64 array [shape=(N,)]
        Class of each clip.
    k : int
        Classes that count (DCASE 2018 task 2: 3).

    Returns
    -------
    float
        Mean of 1/position where the position is at most `k`, else 0.

    Raises
    ------
    ValueError
        If there is no clip or `k` is below 1.

    Notes
    -----
    Iqbal and Wang write the sum of the precisions at the cutoffs 1 to 3 (DCASE 2018, equation 4), which would be
    11/6 for a label in first place; only the cutoff at which the label stands can be meant, as Nguyen spells out.
    """
    if k < 1 or not len(label_N):
        message = f"k = {k} and {len(label_N)} clips: expected at least 1 of each."
        raise ValueError(message)
    position_N = label_positions(p_NK, label_N)
    return float(np.mean(np.where(position_N <= k, 1.0 / position_N, 0.0)))


def auroc(score_N: Floats, positive_N: Bools) -> float:
    """Compute the area under the ROC curve: the chance that a positive clip outranks a negative one.

    Equal scores count one half, which is the area below the straight line across a tie.

    Parameters
    ----------
    score_N : float64 array [shape=(N,)]
        Higher is more likely positive.
    positive_N : bool array [shape=(N,)]
        Truth.

    Returns
    -------
    float
        0 to 1.

    Raises
    ------
    ValueError
        If either kind is missing.

    References
    ----------
    Fawcett 2006, section 7.
    """
    n_positive = int(np.count_nonzero(positive_N))
    n_negative = len(positive_N) - n_positive
    if not n_positive or not n_negative:
        message = f"{n_positive} positive and {n_negative} negative clips: expected at least one of each."
        raise ValueError(message)
    _, level_N, counts = np.unique(score_N, return_inverse=True, return_counts=True)
    rank_N = (np.cumsum(counts) - (counts - 1) / 2)[level_N]  # mean of the ranks that equal scores share, from 1
    return float((rank_N[positive_N].sum() - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))


def average_precision(score_N: Floats, positive_N: Bools) -> float:
    """Compute average precision: the precision at each distinct score, weighted by the recall it adds.

    Raises
    ------
    ValueError
        If no clip is positive.
    """
    hits, reached = _by_level(score_N, positive_N)
    total = int(hits.sum())
    if not total:
        raise ValueError("no positive clip: expected at least one.")
    precision = np.cumsum(hits) / np.cumsum(reached)
    return float(np.sum(precision * hits) / total)


def recall_at_share(score_N: Floats, positive_N: Bools, *, share: float) -> float:
    """Compute the share of the positive clips that a review of the highest scores finds.

    Parameters
    ----------
    score_N : float64 array [shape=(N,)]
        Higher is reviewed earlier.
    positive_N : bool array [shape=(N,)]
        Clips worth finding.
    share : float
        Part of the clips that is reviewed, 0 to 1; whole clips, rounded down.

    Returns
    -------
    float
        0 to 1. Of clips with equal scores, only some of which are reviewed, a proportional part counts: what a review
        in random order among them finds on average.

    Raises
    ------
    ValueError
        If no clip is positive or `share` is outside 0 to 1.
    """
    if not 0 <= share <= 1:
        message = f"share = {share}: expected 0 to 1."
        raise ValueError(message)
    hits, reached = _by_level(score_N, positive_N)
    total = int(hits.sum())
    if not total:
        raise ValueError("no positive clip: expected at least one.")
    reviewed = int(share * len(positive_N) + _SLACK)
    before = np.cumsum(reached) - reached
    part = np.clip((reviewed - before) / reached, 0.0, 1.0)
    return float(np.sum(part * hits) / total)


def _by_level(score_N: Floats, positive_N: Bools) -> tuple[Ints, Ints]:
    """Count positive and all clips of each distinct score, highest first."""
    if len(score_N) != len(positive_N):
        message = f"{len(score_N)} scores of {len(positive_N)} clips: expected as many."
        raise ValueError(message)
    levels, level_N, counts = np.unique(-np.asarray(score_N), return_inverse=True, return_counts=True)
    hits = np.bincount(level_N[positive_N], minlength=len(levels))
    return hits.astype(np.int64), counts.astype(np.int64)


def _paired(true_N: Ints, predicted_N: Ints) -> tuple[Ints, Ints]:
    if not len(true_N) or len(true_N) != len(predicted_N):
        message = f"{len(true_N)} true and {len(predicted_N)} predicted classes: expected as many, at least one."
        raise ValueError(message)
    return np.asarray(true_N), np.asarray(predicted_N)


def _quotient(numerator_K: Ints, denominator_K: Ints, otherwise: float) -> Floats:
    quotient_K = np.full(len(numerator_K), otherwise, dtype=np.float64)
    np.divide(numerator_K, denominator_K, out=quotient_K, where=denominator_K > 0)
    return quotient_K
