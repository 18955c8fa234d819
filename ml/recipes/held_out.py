"""Which clips are kept from training, and from which models.

Two systems have folds (Dorfer, Iqbal): each clip is judged by models that heard none of its fold. Two train one model
on all that is trusted (Nguyen, ICME 2024) and compare its epochs on a development set, a fifth of the clips at
Nguyen's. Either way whole groups are kept apart, and only verified clips compare epochs: a model that learned wrong
labels by heart would win on others (Dorfer and Widmer, 4.2).

Shapes: N clips.

References
----------
.. [1] Nguyen et al., DCASE 2018, section 2.5; Dorfer and Widmer, DCASE 2018, figure 3 and section 4.2; Iqbal et al.,
   DCASE 2018, section 5.1.
"""

from __future__ import annotations

import numpy as np

from ml.recipes.candidates import Bools, CandidateSet, Ints
from ml.training.folds import group_folds

DEVELOPMENT_FOLDS = 5  # of which one is the development set (Nguyen 2.5: 20 %)
FEWEST_FOLDS = 2


def fold_count(candidates: CandidateSet, *, wanted: int) -> int:
    """Return how many folds whole groups can fill.

    Raises
    ------
    ValueError
        If all clips are of one group.
    """
    groups = len(np.unique(candidates.group_N[candidates.trained_N]))
    if groups < FEWEST_FOLDS:
        message = (
            f"The clips are of {groups} group: expected at least {FEWEST_FOLDS}, since no model may judge clips of a "
            "group that it heard. Add verified clips of other people or recordings."
        )
        raise ValueError(message)
    return min(wanted, groups)


def folds(candidates: CandidateSet, *, n_folds: int, seed: int) -> Ints:
    """Divide clips into folds of whole groups, verified and non-verified ones alike.

    Returns
    -------
    int64 array [shape=(N,)]
        Fold of each clip; -1 for test clips.
    """
    trained = candidates.trained_N
    fold_N = np.full(len(candidates), -1, dtype=np.int64)
    fold_N[trained] = group_folds(
        candidates.label_N[trained],
        candidates.group_N[trained],
        candidates.verified_N[trained],
        n_folds=n_folds,
        seed=seed,
    )
    return fold_N


def development_groups(candidates: CandidateSet, *, seed: int) -> Bools:
    """Choose the groups whose verified clips compare epochs.

    Parameters
    ----------
    candidates : CandidateSet
        The clips.
    seed : int
        Decides between groups of equal size.

    Returns
    -------
    bool array [shape=(N,)]
        True for all clips of the chosen groups but test clips. None is chosen where fewer than five groups have
        verified clips, or where a class would have no verified clip left to learn from.
    """
    verified = candidates.verified_N
    chosen_N = np.zeros(len(candidates), dtype=np.bool_)
    if len(np.unique(candidates.group_N[verified])) < DEVELOPMENT_FOLDS:
        return chosen_N
    fold_N = np.full(len(candidates), -1, dtype=np.int64)
    fold_N[verified] = group_folds(
        candidates.label_N[verified],
        candidates.group_N[verified],
        np.ones(int(verified.sum()), dtype=np.bool_),
        n_folds=DEVELOPMENT_FOLDS,
        seed=seed,
    )
    shown = len(np.unique(candidates.label_N[verified]))
    for fold in range(DEVELOPMENT_FOLDS):
        if len(np.unique(candidates.label_N[verified & (fold_N != fold)])) == shown:
            chosen: Bools = np.isin(candidates.group_N, candidates.group_N[fold_N == fold]) & candidates.trained_N
            return chosen
    return chosen_N
