"""Dorfer and Widmer's self-verification: short excerpts of a clip must agree on its label.

A clip that holds several sounds gives another answer in each excerpt, so the mean of the answers is unsure. 25 random
windows of a clip are predicted by a network of whose training it was no part; if the mean prediction names the given
label with more than 0.95, the label counts as verified, for at most 40 clips of a class, lest abundant classes
crowd out rare ones. The network is then fine-tuned and asked again, ten times.

What the paper leaves open, and what its released code does instead:

* Which 40 of a class: those with the highest mean, as in the released code; equal ones by their place in the array.
* Whether 40 is a limit for each iteration or in all. "A maximum count of 40 self-verified examples per class is not
  yet reached", whose reason is the label distribution of the dataset, is read as a limit in all: clips admitted
  earlier count. With ``cumulative=False`` each iteration begins anew from the original verified clips, as in the
  released code, where admissions never add up.
* The released code knows no threshold and takes the top 40; ``threshold=None`` does that.
* Whether the limit holds for each of the four folds or for all: for whatever clips are given at once.

0.95 was chosen for networks trained without mixup at that stage for 30 more epochs; out-of-fold probabilities of a
network trained briefly or with mixup may never reach it, so that the threshold should be found on verified clips
(`ml.verification.auto_accept`).

References
----------
.. [1] M. Dorfer and G. Widmer, "Training general-purpose audio tagging networks with noisy labels and iterative
   self-verification", DCASE 2018, section 4.2.

Shapes: N clips, W windows, K classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.verification.decision import Decision
from ml.verification.probabilities import (
    NONE,
    Bools,
    Floats,
    Ints,
    best_classes,
    checked_labels,
    checked_probabilities,
    checked_share,
    probability_of,
)
from ml.verification.progress_row import iteration_row


@dataclass(frozen=True, kw_only=True)
class DorferConfig:
    """Conditions of self-verification.

    Attributes
    ----------
    windows : int
        Random excerpts of each clip (paper: K = 25).
    threshold : float or None
        The mean probability of the given label must exceed it; None asks for agreement alone.
    most_per_class : int or None
        Most self-verified clips of a class; None for no limit.
    cumulative : bool
        Whether clips admitted in earlier iterations stay and count towards the limit.
    """

    windows: int = 25
    threshold: float | None = 0.95
    most_per_class: int | None = 40
    cumulative: bool = True

    def __post_init__(self) -> None:
        if self.windows < 1:
            message = f"windows = {self.windows}: expected 1 or more."
            raise ValueError(message)
        if self.threshold is not None:
            checked_share("threshold", self.threshold)
        if self.most_per_class is not None and self.most_per_class < 1:
            message = f"most_per_class = {self.most_per_class}: expected 1 or more, or None."
            raise ValueError(message)


def verify_dorfer(
    p_NWK: Floats,
    candidate_N: Ints,
    *,
    iteration: int,
    verified: int,
    admitted_N: Bools | None = None,
    config: DorferConfig,
) -> Decision:
    """Decide which clips verify themselves.

    Parameters
    ----------
    p_NWK : float64 array [shape=(N, W, K)]
        Probabilities in each window, from a network that was not trained on the clip, for all clips that no person
        verified.
    candidate_N : int64 array [shape=(N,)]
        Given labels, -1 for none.
    iteration : int
        From 1.
    verified : int
        Clips that people verified.
    admitted_N : bool array [shape=(N,)], optional
        Clips that earlier iterations admitted; none if not given.
    config : DorferConfig
        Conditions.

    Returns
    -------
    Decision
        Its `accepted_N` holds the clips admitted earlier too, where admissions add up; its row counts them as
        verified and is about the rest. Nothing is relabelled.

    Raises
    ------
    ValueError
        If the arrays do not fit each other or the number of windows is another than the configured one.

    References
    ----------
    Dorfer and Widmer, section 4.2, equation (1).
    """
    p_NWK = checked_probabilities("p_NWK", p_NWK, axes="NWK")
    n_clips, n_windows, n_classes = p_NWK.shape
    if n_windows != config.windows:
        message = f"p_NWK has {n_windows} windows: expected {config.windows}."
        raise ValueError(message)
    candidate_N = checked_labels("candidate_N", candidate_N, n_clips=n_clips, n_classes=n_classes)
    earlier_N = np.zeros(n_clips, dtype=np.bool_)
    if admitted_N is not None and config.cumulative:
        if len(admitted_N) != n_clips:
            message = f"admitted_N has {len(admitted_N)} clips: expected {n_clips}."
            raise ValueError(message)
        earlier_N = np.asarray(admitted_N, dtype=np.bool_)
    mean_NK = p_NWK.mean(axis=1)
    new_N = _new(mean_NK, candidate_N, earlier_N, config)
    row = iteration_row(
        mean_NK[~earlier_N],
        candidate_N[~earlier_N],
        iteration=iteration,
        verified=verified + int(earlier_N.sum()),
        added=int(new_N.sum()),
    )
    return Decision(accepted_N=earlier_N | new_N, label_N=candidate_N, relabelled_N=np.zeros_like(new_N), row=row)


def _new(mean_NK: Floats, candidate_N: Ints, earlier_N: Bools, config: DorferConfig) -> Bools:
    """Pick the clips that pass, the surest of each class first, until the class is full."""
    best_N, _ = best_classes(mean_NK)
    own_N = probability_of(mean_NK, candidate_N)
    passed_N: Bools = ~earlier_N & (candidate_N != NONE) & (best_N == candidate_N)
    if config.threshold is not None:
        passed_N &= own_N > config.threshold
    if config.most_per_class is None:
        return passed_N
    new_N: Bools = np.zeros_like(passed_N)
    for label in np.unique(candidate_N[passed_N]):
        room = config.most_per_class - np.count_nonzero(earlier_N & (candidate_N == label))
        clips = np.flatnonzero(passed_N & (candidate_N == label))
        surest_first = clips[np.argsort(-own_N[clips], kind="stable")]
        new_N[surest_first[: max(room, 0)]] = True
    return new_N
