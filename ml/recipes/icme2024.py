"""The ICME 2024 baseline: SE-Trans labels what nobody verified, and learns from its own labels.

The first iteration learns from the verified clips and predicts all others. The second goes on from its weights, on
the verified clips and on all others with the predicted class as their label (`ml.verification.icme2024`), and
predicts the test clips. Given labels are never learned, so that they are judged by what the first iteration predicts:
the second has learned an answer of its own for each of these clips.

What is not as in the paper:

* The baseline's network was trained on another corpus of scenes before. None is at hand here, and the first iteration
  starts from random weights. Expect less of it with few verified clips.
* The paper knows no groups: where some clips of a participant are verified, the first iteration judges that
  participant's other clips by a network that heard the same voice, room and device with labels.
* The second iteration learns from the verified clips beside those that it labelled; step 4 of the paper names the
  latter alone.
* The paper is silent about a development set. Here it is a fifth of the verified clips, in whole groups, if they are of
  at least five groups; without one the last epoch is kept. The released program's patience is left out.
* Clips longer than 10 s are predicted by excerpts of 10 s, shorter ones are repeated.

Shapes: N clips, K classes.

References
----------
.. [1] J. Bai et al., "Description on IEEE ICME 2024 Grand Challenge: Semi-supervised acoustic scene classification
   under domain shift", 2024, section 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ml.recipes import judgement
from ml.recipes.candidates import CandidateSet
from ml.recipes.excerpts import excerpt_frames, features_for, typical_frames
from ml.recipes.held_out import development_groups
from ml.recipes.outputs import member_probabilities
from ml.recipes.plan import Member, Output, Plan, State, Step, Verdict, Work
from ml.training.config import TRAINING
from ml.training.windows import WindowConfig
from ml.verification.fusion import arithmetic_mean
from ml.verification.icme2024 import Icme2024Config, verify_icme2024
from ml.verification.progress_row import iteration_row

ITERATIONS = 2
EXCERPT = 500  # frames, 10 s
LEAST_FRAMES = 64  # two poolings leave the encoder's 16
RULE = Icme2024Config()


class Icme2024Recipe:
    """The ICME 2024 baseline; see the module."""

    name = "icme2024"
    learns_rejected = False

    def plan(self, candidates: CandidateSet, *, sample_rate_hz: int) -> Plan:
        """Fit the excerpts to the clips."""
        features = features_for("icme2024", sample_rate_hz)
        frames = excerpt_frames(EXCERPT, typical_frames(candidates, features), fewest=LEAST_FRAMES)
        windows = WindowConfig(kind="sliding", frames=frames)
        training = replace(TRAINING["icme2024"], crop_frames=frames, evaluation=windows, patience=None)
        member = Member(
            name="se-trans",
            network="se-trans",
            options={"n_bands": features.n_bands},
            features=features,
            training=training,
            fine_tuning=training,
            windows=windows,
        )
        return Plan(recipe=self.name, members=(member,), iterations=ITERATIONS, n_folds=1)

    def begin(self, candidates: CandidateSet, plan: Plan, *, seed: int) -> State:
        """Label nothing."""
        return {
            **judgement.unjudged(candidates, members=len(plan.members)),
            "labelled": np.zeros(len(candidates), dtype=np.bool_),
            "label": candidates.label_N.copy(),
            "development": development_groups(candidates, seed=seed),
        }

    def work(self, candidates: CandidateSet, plan: Plan, state: State, step: Step) -> Work:  # noqa: ARG002 -- the protocol's
        """Train on verified clips, later on the others too; judge these in the first iteration only."""
        held = state["development"]
        trained = np.flatnonzero((candidates.verified_N | state["labelled"]) & ~held)
        asked_N = candidates.test_N | (candidates.verified_N & held)
        if not step.iteration:
            asked_N |= candidates.candidate_N
        return Work(
            trained_S=trained,
            target_SK=judgement.hard_targets(state["label"][trained], candidates.n_classes),
            weight_S=np.ones(len(trained)),
            verified_S=candidates.verified_N[trained],
            judged=np.flatnonzero(asked_N),
            validated=np.flatnonzero(candidates.verified_N & held),
        )

    def fuse(
        self, candidates: CandidateSet, plan: Plan, state: State, outputs: Sequence[Output], *, iteration: int
    ) -> tuple[State, dict[str, Any]]:
        """Take predictions as labels."""
        p_MNK = member_probabilities(candidates, plan, outputs)
        p_NK = arithmetic_mean(p_MNK)
        candidate_N = candidates.candidate_N
        given_N = candidates.label_N[candidate_N]
        clip_J = outputs[0].clip_J
        verified = int(candidates.verified_N.sum())
        if iteration:
            row = iteration_row(state["p"][candidate_N], given_N, iteration=iteration + 1, verified=verified, added=0)
            return judgement.judged(candidates, state, clip_J=clip_J, p_NK=p_NK, p_MNK=p_MNK)[0], judgement.told(row)
        decision = verify_icme2024(p_NK[candidate_N], given_N, iteration=1, verified=verified, config=RULE)
        after, temperature = judgement.judged(candidates, state, clip_J=clip_J, p_NK=p_NK, p_MNK=p_MNK)
        labelled_N, label_N = state["labelled"].copy(), state["label"].copy()
        labelled_N[candidate_N], label_N[candidate_N] = decision.accepted_N, decision.label_N
        return (
            {**after, "labelled": labelled_N, "label": label_N},
            judgement.told(decision.row, relabelled=int(decision.relabelled_N.sum()), temperature=temperature),
        )

    def verdict(self, candidates: CandidateSet, plan: Plan, state: State, *, precision: float) -> Verdict:  # noqa: ARG002 -- the protocol's
        """Accept of the labels that the prediction confirms as many as keep the precision."""
        confirmed_N = candidates.candidate_N & state["labelled"] & (state["label"] == candidates.label_N)
        return judgement.verdict(candidates, state, admitted_N=confirmed_N, precision=precision)
