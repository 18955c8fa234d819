"""Dorfer and Widmer's system: four folds verify themselves, ten times.

A network for each fold first learns from everything outside of it, wrong labels too, with mixup. It then judges
the fold's non-verified clips by 25 random excerpts; what passes `ml.verification.dorfer` is trusted from then on,
whichever fold it is in. Each of the ten rounds that follow trains the same networks further, on the verified
and the trusted clips outside of their fold, and judges again. The verified clips of a fold choose its best epoch, and
all of them together the round whose probabilities are the run's (section 4.2: the lowest validation loss).

What is not as in the paper:

* Folds are of whole groups, verified and non-verified clips divided evenly as far as groups allow.
* One network, that of table 1; the submission joins three "slightly modified versions" that are not described.
* Test clips, too, are judged by 25 excerpts, which the paper shows as a whole.
* Where all verified clips are in one fold and nothing outside of it is trusted yet, its network goes on with
  everything.
* Clips are repeated or cut to 3,000 frames, but never to more than the longest of them has. Fewer excerpts are drawn
  where a clip has fewer places for them.

The network takes 192 frames (1.2 s) and 48 bands at least; shorter clips are repeated.

Shapes: N clips, K classes.

References
----------
.. [1] M. Dorfer and G. Widmer, "Training general-purpose audio tagging networks with noisy labels and iterative
   self-verification", DCASE 2018, sections 2 to 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ml.networks.dorfer import LEAST_BANDS, LEAST_FRAMES
from ml.recipes import judgement
from ml.recipes.candidates import FEWEST_CLASSES, Bools, CandidateSet
from ml.recipes.excerpts import excerpt_frames, features_for, longest_frames, typical_frames
from ml.recipes.held_out import fold_count, folds
from ml.recipes.outputs import member_probabilities
from ml.recipes.plan import Member, Output, Plan, State, Step, Verdict, Work
from ml.training.config import TRAINING
from ml.training.windows import WindowConfig
from ml.verification.dorfer import DorferConfig, verify_dorfer
from ml.verification.fusion import arithmetic_mean
from ml.verification.probabilities import log_probabilities

FOLDS = 4
ROUNDS = 10  # of fine-tuning, after the initial training
EXCERPT, CLIP = 384, 3000  # frames
RULE = DorferConfig()


class DorferRecipe:
    """Dorfer and Widmer's system; see the module."""

    name = "dorfer"
    learns_rejected = False

    def plan(self, candidates: CandidateSet, *, sample_rate_hz: int) -> Plan:
        """Fit the excerpts to the clips and the folds to their groups."""
        return Plan(
            recipe=self.name,
            members=(_member(candidates, sample_rate_hz),),
            iterations=1 + ROUNDS,
            n_folds=fold_count(candidates, wanted=FOLDS),
        )

    def begin(self, candidates: CandidateSet, plan: Plan, *, seed: int) -> State:
        """Divide clips into folds and trust none of the non-verified ones."""
        return {
            **judgement.unjudged(candidates, members=len(plan.members)),
            "fold": folds(candidates, n_folds=plan.n_folds, seed=seed),
            "admitted": np.zeros(len(candidates), dtype=np.bool_),
            "loss": np.array([np.inf]),
        }

    def work(self, candidates: CandidateSet, plan: Plan, state: State, step: Step) -> Work:  # noqa: ARG002 -- the protocol's
        """Train on the other folds, on everything first and on trusted clips later; judge this one."""
        own_N = state["fold"] == step.fold
        trained = np.flatnonzero(_taught(candidates, state, step))
        return Work(
            trained_S=trained,
            target_SK=judgement.hard_targets(candidates.label_N[trained], candidates.n_classes),
            weight_S=np.ones(len(trained)),
            verified_S=candidates.verified_N[trained],
            judged=np.flatnonzero(own_N | candidates.test_N),
            validated=np.flatnonzero(own_N & candidates.verified_N),
        )

    def fuse(
        self, candidates: CandidateSet, plan: Plan, state: State, outputs: Sequence[Output], *, iteration: int
    ) -> tuple[State, dict[str, Any]]:
        """Trust what verified itself, and keep the probabilities of the best round."""
        p_MNK = member_probabilities(candidates, plan, outputs)
        p_NK = arithmetic_mean(p_MNK)
        candidate_N, verified_N = candidates.candidate_N, candidates.verified_N
        decision = verify_dorfer(
            p_NK[candidate_N][:, None],
            candidates.label_N[candidate_N],
            iteration=iteration + 1,
            verified=int(verified_N.sum()),
            admitted_N=state["admitted"][candidate_N],
            config=replace(RULE, windows=1),  # the excerpts are averaged already
        )
        admitted_N = state["admitted"].copy()
        admitted_N[candidate_N] = decision.accepted_N
        own = (np.flatnonzero(verified_N), candidates.label_N[verified_N])
        loss = -float(log_probabilities(p_NK)[own].mean())
        after = {**state, "admitted": admitted_N}
        if loss < float(state["loss"][0]):
            everywhere = np.arange(len(candidates))
            after, _ = judgement.judged(candidates, after, clip_J=everywhere, p_NK=p_NK, p_MNK=p_MNK)
            after["loss"] = np.array([loss])
        return after, judgement.told(decision.row, validation_loss=loss)

    def verdict(self, candidates: CandidateSet, plan: Plan, state: State, *, precision: float) -> Verdict:  # noqa: ARG002 -- the protocol's
        """Accept of the self-verified clips as many as keep the precision."""
        return judgement.verdict(candidates, state, admitted_N=state["admitted"], precision=precision)


def _taught(candidates: CandidateSet, state: State, step: Step) -> Bools:
    outside_N: Bools = candidates.trained_N & (state["fold"] != step.fold)
    trusted_N: Bools = outside_N & (candidates.verified_N | state["admitted"])
    known = len(np.unique(candidates.label_N[trusted_N]))
    return trusted_N if step.iteration and known >= FEWEST_CLASSES else outside_N


def _member(candidates: CandidateSet, sample_rate_hz: int) -> Member:
    features = features_for("dorfer-1", sample_rate_hz, fewest_bands=LEAST_BANDS)
    frames = excerpt_frames(EXCERPT, typical_frames(candidates, features), fewest=LEAST_FRAMES)
    clip_frames = min(CLIP, max(frames, longest_frames(candidates, features)))
    training, fine_tuning = (
        replace(
            TRAINING[name],
            crop_frames=frames,
            clip_frames=clip_frames,
            evaluation=WindowConfig(kind="whole", frames=frames, clip_frames=clip_frames),
        )
        for name in ("dorfer", "dorfer-finetune")
    )
    return Member(
        name="dorfer",
        network="dorfer",
        options={"n_bands": features.n_bands},
        features=features,
        training=training,
        fine_tuning=fine_tuning,
        windows=WindowConfig(
            kind="random",
            frames=frames,
            count=min(RULE.windows, clip_frames - frames + 1),
            clip_frames=clip_frames,
        ),
    )
