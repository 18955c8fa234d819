"""What class probabilities and candidate labels must look like before a rule may judge them.

Every verification rule is a function of two arrays: the probabilities that models which were not trained on the
clips give to the classes, and the label that each clip came with. Mistakes in these arrays (rows in another order of
classes, scores instead of probabilities, a label of another taxonomy) raise no error further on; they only give
wrong datasets. So they are looked at once, here.

Shapes: E members of an ensemble, N clips, W windows, K classes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

NONE = -1  # a clip without a label
TIED = NONE  # several classes are equally probable, so none is the best
FLOOR = 1e-12  # smallest probability whose logarithm is taken; below it a member vetoes a class by rounding alone

_SUM_TOLERANCE = 1e-4  # softmax in single precision, averaged over windows, is off by less


def checked_probabilities(name: str, p: ArrayLike, *, axes: str) -> Floats:
    """Return probabilities as float64 after looking at their shape and sums.

    Parameters
    ----------
    name : str
        Name of the argument, for the message.
    p : array_like
        Probabilities; the last axis is classes.
    axes : str
        A letter per axis, such as ``"NK"``.

    Returns
    -------
    float64 array
        The probabilities, as they are.

    Raises
    ------
    ValueError
        If the number of axes is another, there is no class, or a row is not finite, negative or does not sum to 1.
    """
    p_K = np.asarray(p, dtype=np.float64)
    if p_K.ndim != len(axes) or not p_K.shape[-1]:
        message = f"{name} has the shape {p_K.shape}: expected {len(axes)} axes {axes}, the last not empty."
        raise ValueError(message)
    if not p_K.size:
        return p_K
    if not np.isfinite(p_K).all() or p_K.min() < 0:
        message = f"{name} holds {np.nanmin(p_K)} or a number that is not finite: expected probabilities."
        raise ValueError(message)
    sums = p_K.sum(axis=-1)
    worst = float(sums.flat[np.argmax(np.abs(sums - 1))])
    if abs(worst - 1) > _SUM_TOLERANCE:
        message = f"{name} has a row that sums to {worst}: expected 1."
        raise ValueError(message)
    return p_K


def checked_labels(
    name: str, label: NDArray[np.integer[Any]], *, n_clips: int, n_classes: int, lowest: int = NONE
) -> Ints:
    """Return labels as int64 after looking at their number and range.

    Parameters
    ----------
    name : str
        Name of the argument, for the message.
    label : integer array [shape=(N,)]
        Class of each clip.
    n_clips, n_classes : int
        N and K.
    lowest : int
        `NONE` where clips may be without a label, 0 where not.

    Returns
    -------
    int64 array [shape=(N,)]
        The labels.

    Raises
    ------
    ValueError
        If the labels are not integers, not N or not in `lowest` to K - 1.
    """
    label_N = np.asarray(label)
    if label_N.shape != (n_clips,) or not (np.issubdtype(label_N.dtype, np.integer) or not label_N.size):
        message = f"{name} of shape {label_N.shape} and {label_N.dtype}: expected {n_clips} integers."
        raise ValueError(message)
    label_N = label_N.astype(np.int64)
    if n_clips and (label_N.min() < lowest or label_N.max() >= n_classes):
        message = f"{name} holds {label_N.min()} to {label_N.max()}: expected {lowest} to {n_classes - 1}."
        raise ValueError(message)
    return label_N


def checked_share(name: str, share: float) -> None:
    """Refuse a number outside 0 to 1.

    Raises
    ------
    ValueError
        If `share` is not in 0 to 1.
    """
    if not 0 <= share <= 1:
        message = f"{name} = {share}: expected 0 to 1."
        raise ValueError(message)


def best_classes(p_NK: Floats) -> tuple[Ints, Floats]:
    """Find the most probable class of each clip.

    Returns
    -------
    int64 array [shape=(N,)]
        The class, or `TIED` where two are exactly equally probable: a tie names no class, so that no result depends
        on how the classes are numbered.
    float64 array [shape=(N,)]
        Its probability.
    """
    highest_N = p_NK.max(axis=1)
    alone_N = np.count_nonzero(p_NK == highest_N[:, None], axis=1) == 1
    return np.where(alone_N, p_NK.argmax(axis=1), TIED).astype(np.int64), highest_N


def probability_of(p_NK: Floats, label_N: Ints) -> Floats:
    """Look up the probability of each clip's label.

    Returns
    -------
    float64 array [shape=(N,)]
        The probability; 0 where the clip has no label, as there is nothing that could be right.
    """
    labelled_N = label_N != NONE
    own_N = np.take_along_axis(p_NK, np.where(labelled_N, label_N, 0)[:, None], axis=1)[:, 0]
    return np.where(labelled_N, own_N, 0.0)


def log_probabilities(p_NK: Floats) -> Floats:
    """Take the natural logarithm of probabilities, those below `FLOOR` raised to it."""
    return np.log(np.maximum(p_NK, FLOOR))


def softmax(score_NK: Floats) -> Floats:
    """Turn scores into probabilities over the last axis, without overflow."""
    power_NK = np.exp(score_NK - score_NK.max(axis=-1, keepdims=True))
    shares_NK: Floats = power_NK / power_NK.sum(axis=-1, keepdims=True)
    return shares_NK
