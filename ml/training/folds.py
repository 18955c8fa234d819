"""Folds for cross-validation in which no recording judges itself.

A model may only judge clips that it was not trained on; otherwise it has learned their labels, wrong ones too, by heart
[1]_. Clips of one recording, or of one person who records in series, resemble each other so much that the same holds
for them: they go into one fold together.

As far as such groups allow, folds are stratified as in Dorfer's figure 3: verified and non-verified clips are divided
separately, and each fold has the same share of every class in both. Groups are taken from the largest to the smallest,
each goes to the fold that has the least of the classes that it brings, counted as shares of the class; between equal
folds, to the smaller one. If every clip is a group of its own, the folds' counts of a class differ by at most one in
either part.

With fewer groups than folds there are as many folds as groups: a fold cannot be filled without breaking a group. The
caller sees it in the result; one single group gives one fold, in which nothing can be verified.

Shapes: N clips, G groups, S strata (class and verified or not), F folds.

References
----------
.. [1] Dorfer and Widmer, DCASE 2018, section 4.1 and figure 3.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Ints = NDArray[np.int64]


def group_folds(labels: ArrayLike, groups: ArrayLike, verified: ArrayLike, *, n_folds: int, seed: int) -> Ints:
    """Divide clips into folds of whole groups with alike classes.

    Parameters
    ----------
    labels : array_like of int [shape=(N,)]
        Class of each clip; -1 (no label) is a class of its own.
    groups : array_like of int or str [shape=(N,)]
        Group of each clip, such as its participant or its source recording (see `linked_groups` for both).
    verified : array_like of bool [shape=(N,)]
        Whether people confirmed the label.
    n_folds : int
        Folds wanted, at least 2.
    seed : int
        Decides between groups of equal size.

    Returns
    -------
    int64 array [shape=(N,)]
        Fold of each clip, from 0; every fold up to the largest number has a clip. There are fewer folds than wanted if
        there are fewer groups.

    Raises
    ------
    ValueError
        If the lengths differ or `n_folds` is below 2.

    References
    ----------
    Dorfer and Widmer, figure 3.
    """
    label_N, group_N, verified_N = np.asarray(labels), np.asarray(groups), np.asarray(verified, dtype=np.bool_)
    if not label_N.shape == group_N.shape == verified_N.shape or label_N.ndim != 1:
        message = f"labels {label_N.shape}, groups {group_N.shape}, verified {verified_N.shape}: expected as many each."
        raise ValueError(message)
    if n_folds < 2:  # noqa: PLR2004 -- one fold divides nothing
        message = f"n_folds = {n_folds}: expected at least 2."
        raise ValueError(message)
    if not len(label_N):
        return np.zeros(0, dtype=np.int64)
    _, class_N = np.unique(label_N, return_inverse=True)
    _, stratum_N = np.unique(class_N * 2 + verified_N, return_inverse=True)
    _, number_N = np.unique(group_N, return_inverse=True)
    return _greedy(number_N, stratum_N, n_folds, np.random.default_rng(seed))[number_N]


def linked_groups(*keys: Sequence[Hashable]) -> Ints:
    """Join clips that share anything, directly or through others, into groups.

    Parameters
    ----------
    *keys : sequence of hashable [length N]
        For each kind of likeness (participant, source recording) the key of each clip; None where it is unknown, which
        links a clip to nobody.

    Returns
    -------
    int64 array [shape=(N,)]
        Group of each clip, numbered by first appearance; a clip that shares nothing is a group of its own.

    Raises
    ------
    ValueError
        If there is no kind or their lengths differ.
    """
    if not keys or len({len(kind) for kind in keys}) != 1:
        message = f"keys of the lengths {[len(kind) for kind in keys]}: expected at least one, all of the same length."
        raise ValueError(message)
    parent = list(range(len(keys[0])))

    def root(clip: int) -> int:
        while parent[clip] != clip:
            parent[clip] = parent[parent[clip]]
            clip = parent[clip]
        return clip

    for kind in keys:
        first: dict[Hashable, int] = {}
        for clip, key in enumerate(kind):
            if key is not None:
                one, other = sorted((root(clip), root(first.setdefault(key, clip))))
                parent[other] = one
    numbers: dict[int, int] = {}
    return np.array([numbers.setdefault(root(clip), len(numbers)) for clip in range(len(parent))], dtype=np.int64)


def _greedy(number_N: Ints, stratum_N: Ints, n_folds: int, rng: np.random.Generator) -> Ints:
    """Return the fold of each group."""
    sizes = np.bincount(number_N)
    share_S = 1 / np.bincount(stratum_N)
    by_group = np.argsort(number_N, kind="stable")
    bounds = np.concatenate([[0], np.cumsum(sizes)])
    order = rng.permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    held_FS = np.zeros((n_folds, len(share_S)))
    size_F = np.zeros(n_folds, dtype=np.int64)
    fold_G = np.empty(len(sizes), dtype=np.int64)
    for group in order:
        stratum_J = stratum_N[by_group[bounds[group] : bounds[group + 1]]]
        # The sum over folds and strata of (count ** 2 / clips of the stratum) is least when all folds are alike; of
        # what this group adds, only count * added / clips depends on the fold. Rounded, since sums come in any order.
        cost_F = np.round((held_FS[:, stratum_J] * share_S[stratum_J]).sum(axis=1), 9)
        fold = int(np.lexsort((size_F, cost_F))[0])
        np.add.at(held_FS[fold], stratum_J, 1)
        size_F[fold] += len(stratum_J)
        fold_G[group] = fold
    return fold_G
