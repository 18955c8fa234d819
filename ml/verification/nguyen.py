"""Nguyen's rule: admit what a geometric-mean ensemble confirms, and relabel what it contradicts at the end.

Training begins with the verified clips alone. In each iteration the ensemble predicts the others; those whose given
label is its best guess with a probability above 0.5 join the training set. In the last iteration the bar falls to
0.1, and clips whose given label is not even among the three best guesses get the best guess as their label, where
its probability exceeds 0.5. What is left keeps its label with label smoothing.

What the paper leaves open:

* Relabelled clips are in neither of its totals of verified clips (see `ml.verification.progress_row`), so they are
  not accepted here.
* "Incorrect" is read as table 2 counts it: outside the top three.
* With nine classes or fewer the best guess always has more than 0.1, so that in the last iteration agreement alone
  decides. The thresholds were chosen for 41 classes and for uncalibrated ensembles.

References
----------
.. [1] T. N. T. Nguyen et al., "DCASE 2018 task 2: iterative training, label smoothing, and background noise
   normalization for audio event tagging", DCASE 2018, section 3.

Shapes: N clips, K classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.metrics import label_positions
from ml.verification.decision import Decision
from ml.verification.probabilities import (
    NONE,
    Floats,
    Ints,
    best_classes,
    checked_labels,
    checked_probabilities,
    checked_share,
    probability_of,
)
from ml.verification.progress_row import iteration_row

_TOP = 3  # table 2 calls a label incorrect that is not among the three best guesses


@dataclass(frozen=True, kw_only=True)
class NguyenConfig:
    """Thresholds of Nguyen's rule; a probability must exceed them.

    Attributes
    ----------
    iterations : int
        Number of the last iteration (paper: 4, where the incorrect labels level off).
    threshold : float
        Admits a confirmed label in all iterations but the last.
    last_threshold : float
        Admits a confirmed label in the last iteration.
    relabel_threshold : float
        Lets the best guess replace an incorrect label in the last iteration.
    """

    iterations: int = 4
    threshold: float = 0.5
    last_threshold: float = 0.1
    relabel_threshold: float = 0.5

    def __post_init__(self) -> None:
        if self.iterations < 1:
            message = f"iterations = {self.iterations}: expected 1 or more."
            raise ValueError(message)
        for name in ("threshold", "last_threshold", "relabel_threshold"):
            checked_share(name, getattr(self, name))


def verify_nguyen(p_NK: Floats, candidate_N: Ints, *, iteration: int, verified: int, config: NguyenConfig) -> Decision:
    """Decide which non-verified clips to admit and, in the last iteration, which to relabel.

    Parameters
    ----------
    p_NK : float64 array [shape=(N, K)]
        Geometric mean of the members' probabilities for the clips that are not verified yet.
    candidate_N : int64 array [shape=(N,)]
        Given labels of the same clips, -1 for none.
    iteration : int
        From 1 to ``config.iterations``.
    verified : int
        Clips verified before this iteration.
    config : NguyenConfig
        Thresholds.

    Returns
    -------
    Decision
        Its `accepted_N` leaves the relabelled clips out. A clip without a label is neither.

    Raises
    ------
    ValueError
        If the arrays do not fit each other or there is no such iteration.

    References
    ----------
    Nguyen et al., section 3.
    """
    p_NK = checked_probabilities("p_NK", p_NK, axes="NK")
    candidate_N = checked_labels("candidate_N", candidate_N, n_clips=len(p_NK), n_classes=p_NK.shape[1])
    if not 1 <= iteration <= config.iterations:
        message = f"iteration = {iteration}: expected 1 to {config.iterations}."
        raise ValueError(message)
    last = iteration == config.iterations
    labelled_N = candidate_N != NONE
    best_N, p_best_N = best_classes(p_NK)
    bar = config.last_threshold if last else config.threshold
    accepted_N = labelled_N & (best_N == candidate_N) & (probability_of(p_NK, candidate_N) > bar)
    relabelled_N = np.zeros(len(p_NK), dtype=np.bool_)
    if last:
        position_N = label_positions(p_NK, np.where(labelled_N, candidate_N, 0))
        relabelled_N = labelled_N & (position_N > _TOP) & (best_N != NONE) & (p_best_N > config.relabel_threshold)
    return Decision(
        accepted_N=accepted_N,
        label_N=np.where(relabelled_N, best_N, candidate_N),
        relabelled_N=relabelled_N,
        row=iteration_row(p_NK, candidate_N, iteration=iteration, verified=verified, added=int(accepted_N.sum())),
    )
