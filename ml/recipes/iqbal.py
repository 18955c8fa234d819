"""Iqbal's system: eight networks, joined by a regression, promote labels and replace the others.

Four networks hear two spectrograms each. In the first iteration they learn from all labels, non-verified ones with a
weight of 0.7. What the system predicts then promotes or replaces the labels of non-verified clips
(`ml.verification.iqbal`), and the second iteration trains everything anew on the result, with 0.9 for what is neither
verified nor promoted. Five folds; of each training the best four epochs by the fold's verified clips are averaged.

The eight probabilities of each class are joined by a logistic regression fitted to labels of training clips. The paper
applies it to the very clips it was fitted to. A clip's label must not decide what is thought of it, so that here the
regression that judges a fold is fitted to the other folds; test clips are judged by one that is fitted to all.

What else is not as in the paper:

* Folds are of whole groups.
* A clip's sounding parts stand one after the other, so that a chunk may hold the end of one and the beginning of the
  next; each part is an input of its own in the paper.
* Short clips stand in the middle of a chunk's padding.

Shapes: N clips, M members, K classes.

References
----------
.. [1] T. Iqbal, Q. Kong, M. D. Plumbley and W. Wang, "General-purpose audio tagging from noisy labels using
   convolutional neural networks", DCASE 2018, sections 3 to 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.recipes import judgement
from ml.recipes.candidates import Bools, CandidateSet, Floats, Ints
from ml.recipes.excerpts import excerpt_frames, features_for, typical_frames
from ml.recipes.held_out import fold_count, folds
from ml.recipes.outputs import member_probabilities
from ml.recipes.plan import Member, Output, Plan, State, Step, Verdict, Work
from ml.training.config import TRAINING
from ml.training.losses import LossConfig
from ml.training.windows import WindowConfig
from ml.verification.iqbal import IqbalConfig, loss_weights, verify_iqbal
from ml.verification.stacked_logistic import StackedLogisticConfig, fit_stacked_logistic

FOLDS = 5
ITERATIONS = 2
NETWORKS = ("iqbal-vgg13", "iqbal-gcnn", "iqbal-crnn", "iqbal-gcrnn")
SPECTROGRAMS = ("iqbal-a", "iqbal-b")
CHUNK = 128  # frames
LEAST_BANDS = 32  # halved five times
RULE = IqbalConfig()
STACKING = StackedLogisticConfig()
STACKING_WEIGHT = 0.65  # of clips neither verified nor promoted; that of the released configuration


class IqbalRecipe:
    """Iqbal's system; see the module."""

    name = "iqbal"
    learns_rejected = False

    def plan(self, candidates: CandidateSet, *, sample_rate_hz: int) -> Plan:
        """Fit the chunks to the clips and the folds to their groups."""
        # All networks of one spectrogram come before those of the other, which saves reading features again.
        members = tuple(
            _member(candidates, network, spectrogram, sample_rate_hz)
            for spectrogram in SPECTROGRAMS
            for network in NETWORKS
        )
        return Plan(
            recipe=self.name, members=members, iterations=ITERATIONS, n_folds=fold_count(candidates, wanted=FOLDS)
        )

    def begin(self, candidates: CandidateSet, plan: Plan, *, seed: int) -> State:
        """Divide clips into folds, and take labels as they are with a lower weight."""
        return {
            **judgement.unjudged(candidates, members=len(plan.members)),
            "fold": folds(candidates, n_folds=plan.n_folds, seed=seed),
            "label": candidates.label_N.copy(),
            "weight": loss_weights(candidates.verified_N, pseudo_labelled=False, config=RULE),
            "promoted": np.zeros(len(candidates), dtype=np.bool_),
        }

    def work(self, candidates: CandidateSet, plan: Plan, state: State, step: Step) -> Work:  # noqa: ARG002 -- the protocol's
        """Train on the other folds, judge this one."""
        own_N = state["fold"] == step.fold
        trained = np.flatnonzero(candidates.trained_N & ~own_N)
        return Work(
            trained_S=trained,
            target_SK=judgement.hard_targets(state["label"][trained], candidates.n_classes),
            weight_S=state["weight"][trained],
            verified_S=(candidates.verified_N | state["promoted"])[trained],
            judged=np.flatnonzero(own_N | candidates.test_N),
            validated=np.flatnonzero(own_N & candidates.verified_N),
        )

    def fuse(
        self, candidates: CandidateSet, plan: Plan, state: State, outputs: Sequence[Output], *, iteration: int
    ) -> tuple[State, dict[str, Any]]:
        """Join the networks, promote labels and replace the others."""
        p_MNK = member_probabilities(candidates, plan, outputs)
        p_NK = stacked(
            p_MNK,
            fold_N=state["fold"],
            label_N=state["label"],
            weight_N=np.where(candidates.verified_N | state["promoted"], 1.0, STACKING_WEIGHT),
        )
        candidate_N = candidates.candidate_N
        decision = verify_iqbal(
            p_NK[candidate_N],
            candidates.label_N[candidate_N],
            iteration=iteration + 1,
            verified=int(candidates.verified_N.sum()),
            config=RULE,
        )
        everywhere = np.arange(len(candidates))
        after, temperature = judgement.judged(candidates, state, clip_J=everywhere, p_NK=p_NK, p_MNK=p_MNK)
        promoted_N, label_N = np.zeros_like(candidate_N), candidates.label_N.copy()
        promoted_N[candidate_N], label_N[candidate_N] = decision.accepted_N, decision.label_N
        trusted_N: Bools = candidates.verified_N | promoted_N
        weight_N = loss_weights(trusted_N, pseudo_labelled=RULE.relabel, config=RULE)
        return (
            {**after, "promoted": promoted_N, "label": label_N, "weight": weight_N},
            judgement.told(decision.row, relabelled=int(decision.relabelled_N.sum()), temperature=temperature),
        )

    def verdict(self, candidates: CandidateSet, plan: Plan, state: State, *, precision: float) -> Verdict:  # noqa: ARG002 -- the protocol's
        """Accept of the promoted clips as many as keep the precision."""
        return judgement.verdict(candidates, state, admitted_N=state["promoted"], precision=precision)


def stacked(p_MNK: NDArray[np.float64], *, fold_N: Ints, label_N: Ints, weight_N: Floats) -> Floats:
    """Join members by logistic regressions that were not fitted to the clips they judge.

    Parameters
    ----------
    p_MNK : float64 array [shape=(M, N, K)]
        Probabilities of each member, out of fold.
    fold_N : int64 array [shape=(N,)]
        Fold of each clip; -1 for test clips.
    label_N : int64 array [shape=(N,)]
        Label of each clip; those of test clips are not looked at.
    weight_N : float64 array [shape=(N,)]
        How far each label is trusted.

    Returns
    -------
    float64 array [shape=(N, K)]
        Probabilities.
    """
    p_NK = np.zeros(p_MNK.shape[1:])
    for fold in np.unique(fold_N):
        fitted_N = (fold_N >= 0) & (fold_N != fold)
        regression = fit_stacked_logistic(
            p_MNK[:, fitted_N], label_N[fitted_N], sample_weight_N=weight_N[fitted_N], config=STACKING
        )
        p_NK[fold_N == fold] = regression.fuse(p_MNK[:, fold_N == fold])
    return p_NK


def _member(candidates: CandidateSet, network: str, spectrogram: str, sample_rate_hz: int) -> Member:
    features = features_for(spectrogram, sample_rate_hz, fewest_bands=LEAST_BANDS)
    frames = excerpt_frames(CHUNK, typical_frames(candidates, features))
    windows = WindowConfig(kind="sliding", frames=frames, reduction="geometric")
    return Member(
        name=f"{network}-{spectrogram[-1]}",
        network=network,
        options={"n_bands": features.n_bands},
        features=features,
        # Weights are the state's, as they change between the iterations.
        training=replace(TRAINING["iqbal"], crop_frames=frames, loss=LossConfig(), evaluation=windows),
        fine_tuning=None,
        windows=windows,
        padded=True,
    )
