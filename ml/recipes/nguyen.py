"""Nguyen's system: three networks that hear excerpts of different lengths admit labels in four rounds.

The first round learns from the verified clips alone. Each round predicts those non-verified clips that were not
admitted yet, admits what `ml.verification.nguyen` admits, and trains all three networks anew on the verified and the
admitted clips. The probability of an admitted clip is the one that it was admitted by, when no network had learned
its label. In the last round the bar falls, and clips with improbable labels get the most probable one.

This is plain Nguyen, and the paper knows no groups: once some clips of a participant are admitted, and from the start
where a participant's clips are partly verified, that participant's other clips are judged by networks that heard
the same voice, room and device with labels. Their own labels are never learned before they are judged, but the
probabilities are too good; recipe `earmark` keeps groups apart throughout.

What is not as in the paper, beside what fits the ensemble to other recordings (`ml.recipes.nguyen_members`):

* Clips are augmented by resampled excerpts (`ml.training.distortion`) with any tempo up to 1.1 and any pitch up to two
  semitones either way (stretched about the middle band), instead of eight versions of each recording made beforehand
  with librosa.
* Excerpts that are judged stand a quarter of their length apart, at least the paper's 8 frames, which would cost four
  times as much; those that compare epochs do not overlap.
* The development set is a fifth of the verified clips, in whole groups, if they are of at least five groups. Without
  one the last epoch is kept.
* A clip that is not admitted in the end is proposed the class that is most probable, however improbable. The paper
  relabels only those whose label is outside the first three while another class has more than 0.5, and leaves the
  others aside; how many these are stands in the iteration's row.
* The networks that the paper trains after the last round, with label smoothing on what was not admitted, verify nothing
  and are left out. Test clips are predicted by the last round's networks.

Shapes: N clips, M members, K classes.

References
----------
.. [1] T. N. T. Nguyen et al., "DCASE 2018 task 2: iterative training, label smoothing, and background noise
   normalization for audio event tagging", DCASE 2018, sections 2 and 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ml.recipes import judgement
from ml.recipes.candidates import Bools, CandidateSet
from ml.recipes.held_out import development_groups
from ml.recipes.nguyen_members import members
from ml.recipes.outputs import member_probabilities
from ml.recipes.plan import Output, Plan, State, Step, Verdict, Work
from ml.verification.fusion import geometric_mean
from ml.verification.nguyen import NguyenConfig, verify_nguyen

RULE = NguyenConfig()


class NguyenRecipe:
    """Nguyen's system; see the module."""

    name = "nguyen"
    learns_rejected = False

    def plan(self, candidates: CandidateSet, *, sample_rate_hz: int) -> Plan:
        """Fit the three networks to the clips."""
        return Plan(
            recipe=self.name,
            members=members(candidates, sample_rate_hz=sample_rate_hz),
            iterations=RULE.iterations,
            n_folds=1,
        )

    def begin(self, candidates: CandidateSet, plan: Plan, *, seed: int) -> State:
        """Admit nothing."""
        return {
            **judgement.unjudged(candidates, members=len(plan.members)),
            "admitted": np.zeros(len(candidates), dtype=np.bool_),
            "development": development_groups(candidates, seed=seed),
        }

    def work(self, candidates: CandidateSet, plan: Plan, state: State, step: Step) -> Work:  # noqa: ARG002 -- all steps of an iteration learn the same
        """Train on what is verified or admitted, judge the rest and the test clips."""
        held = state["development"]
        trained = np.flatnonzero((candidates.verified_N | state["admitted"]) & ~held)
        return Work(
            trained_S=trained,
            target_SK=judgement.hard_targets(candidates.label_N[trained], candidates.n_classes),
            weight_S=np.ones(len(trained)),
            verified_S=np.ones(len(trained), dtype=np.bool_),
            judged=np.flatnonzero(_open(candidates, state) | candidates.test_N | (candidates.verified_N & held)),
            validated=np.flatnonzero(candidates.verified_N & held),
        )

    def fuse(
        self, candidates: CandidateSet, plan: Plan, state: State, outputs: Sequence[Output], *, iteration: int
    ) -> tuple[State, dict[str, Any]]:
        """Admit clips; those that the last round relabels get their best class, as all that are left do."""
        p_MNK = member_probabilities(candidates, plan, outputs)
        p_NK = geometric_mean(p_MNK)
        open_N = _open(candidates, state)
        decision = verify_nguyen(
            p_NK[open_N],
            candidates.label_N[open_N],
            iteration=iteration + 1,
            verified=int((candidates.verified_N | state["admitted"]).sum()),
            config=replace(RULE, iterations=plan.iterations),
        )
        after, temperature = judgement.judged(candidates, state, clip_J=outputs[0].clip_J, p_NK=p_NK, p_MNK=p_MNK)
        admitted_N = state["admitted"].copy()
        admitted_N[open_N] = decision.accepted_N
        return (
            {**after, "admitted": admitted_N},
            judgement.told(decision.row, relabelled=int(decision.relabelled_N.sum()), temperature=temperature),
        )

    def verdict(self, candidates: CandidateSet, plan: Plan, state: State, *, precision: float) -> Verdict:  # noqa: ARG002 -- the protocol's
        """Accept of the admitted clips as many as keep the precision."""
        return judgement.verdict(candidates, state, admitted_N=state["admitted"], precision=precision)


def _open(candidates: CandidateSet, state: State) -> Bools:
    """Find the clips that still wait for a decision."""
    open_N: Bools = candidates.candidate_N & ~state["admitted"]
    return open_N
