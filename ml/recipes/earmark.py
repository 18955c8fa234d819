"""Earmark's own verification: group-wise cross-checking, with what is known of the mistakes fed back.

The published systems judge a label by a network's probability of it. Three things are added here, each because the
simpler way failed on real recordings:

* **Everybody teaches, nobody judges themselves.** Folds are made of whole groups. A clip is judged by networks that
  heard other groups only, verified and non-verified ones, so that the many right labels among the non-verified teach
  although nobody vouched for them (Nguyen's first round hears the verified clips alone).
* **Mistakes have a pattern.** From all judged clips P(given | true) is estimated, with class-dependent rates, and what
  networks mishear in each group (`ml.verification.group_confusion`); Bayes' rule then turns a network's answer and the
  label into the probability that the label is right. Where "Cafe" is often written for "Restaurant", a doubtful
  Restaurant stays in question; where it never is, the label settles the doubt.
* **Probabilities instead of decisions.** The next iteration trains on these posteriors as soft labels, further from the
  same weights. A label that is probably wrong teaches little or teaches the class that it probably should be.

Networks' probabilities are made honest on verified clips that they did not hear, by one temperature. As many labels
are accepted unheard as keep the share of right ones at what was asked for, by these probabilities and by the same
clips (`ml.verification.auto_accept`); none where there are too few such clips to know how honest probabilities are.

Test clips of people whom no network heard need nothing held back. In a last iteration the folds' networks learn on with
all groups and the labels as they are believed by then, and these judge those clips: a network that has heard one group
more, and labels that were put right, knows strangers better than one that has not. Of an
unheard speaker's digits the share that is named rightly rose from 0.850, 0.954 and 0.948 to 0.896, 0.968 and 0.966;
voices of the networks that had not yet heard all took 0.006 to 0.022 of that away, so that they have none.

What people rated since the last run is fed back into the next. A label that they confirmed counts as verified. A clip
whose labels they rejected stays: the rejected classes are out of the question, the others share their probability
(`ml.verification.ruled_out`), and it teaches what is left of its posterior, with the weight of the likeliest class as
other soft labels do; at first, when nothing else is known, all classes that are left alike. It is never accepted, the
probability that its label is right is 0, and it is proposed the likeliest class that is left. One of which no class is
left teaches nothing and is proposed nothing. All labels of the candidates' source, open, confirmed or rejected, show
how it errs (`ml.verification.group_confusion` says why that is sound although people hear suspicious clips first);
labels that came verified do not. Answers about a group never reach the networks that judge it.

Shapes: N clips, M members, K classes.

References
----------
.. [1] A. P. Dawid and A. M. Skene, "Maximum likelihood estimation of observer error-rates using the EM algorithm",
   Journal of the Royal Statistical Society C 28(1), 1979 (observers here: the label's source, and the networks).
.. [2] M. Dorfer and G. Widmer, DCASE 2018, section 4 (folds; further training instead of a new beginning).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.recipes.candidates import Bools, CandidateSet, Floats, Ints
from ml.recipes.earmark_members import members
from ml.recipes.outputs import member_probabilities
from ml.recipes.plan import Output, Plan, State, Step, Verdict, Work
from ml.training.folds import group_folds
from ml.verification.auto_accept import HeldOut, accept_threshold, hold_out
from ml.verification.calibration import FEWEST, at_temperature, fit_temperature
from ml.verification.fusion import geometric_mean
from ml.verification.group_confusion import ConfusionConfig, estimate_group_confusion
from ml.verification.noise_transitions import p_label_correct
from ml.verification.probabilities import NONE, probability_of
from ml.verification.progress_row import iteration_row
from ml.verification.ruled_out import without_ruled_out

ITERATIONS = 3  # besides the one for strangers
MOST_FOLDS = 4
MOST_WHOLE = 3  # networks that learn on from all groups, for groups that nobody heard
FIRST_WEIGHT = 0.5  # of a non-verified label before anything is known about it
CONFUSION = ConfusionConfig()
LEAST_PLAIN = 0.5  # that the label is right, without excuses for networks, so that nothing contradicted is accepted


class EarmarkRecipe:
    """Our recipe; see the module."""

    name = "earmark"
    learns_rejected = True

    def plan(self, candidates: CandidateSet, *, sample_rate_hz: int) -> Plan:
        """Fit features, lengths and epochs to the clips."""
        n_folds = max(1, min(MOST_FOLDS, len(_held_out(candidates))))
        n_whole = min(MOST_WHOLE, n_folds) if _unheard(candidates).any() else 0
        return Plan(
            recipe=self.name,
            members=members(candidates, sample_rate_hz=sample_rate_hz),
            iterations=ITERATIONS + bool(n_whole),
            n_folds=n_folds,
            n_whole=n_whole,
        )

    def begin(self, candidates: CandidateSet, plan: Plan, *, seed: int) -> State:
        """Divide groups into folds, and take labels as they are."""
        trained = _taught(candidates)
        label_N = np.where(candidates.narrowed_N, NONE, candidates.label_N)
        fold_N = np.full(len(candidates), -1)
        if plan.n_folds > 1:
            fold_N[trained] = group_folds(
                label_N[trained],
                candidates.group_N[trained],
                candidates.verified_N[trained],
                n_folds=plan.n_folds,
                seed=seed,
            )
        else:  # a single group to be judged: only verified clips of others can judge it
            fold_N[np.isin(candidates.group_N, candidates.group_N[_asked(candidates)]) & trained] = 0
        target_NK = np.zeros((len(candidates), candidates.n_classes))
        target_NK[candidates.trained_N, candidates.label_N[candidates.trained_N]] = 1
        narrowed = candidates.narrowed_N
        target_NK[narrowed] = without_ruled_out(target_NK[narrowed], candidates.excluded_NK[narrowed])
        weight_N = np.where(candidates.verified_N, 1.0, FIRST_WEIGHT)
        weight_N[narrowed] = np.minimum(FIRST_WEIGHT, target_NK[narrowed].max(axis=1))
        return {
            "fold": fold_N.astype(np.int64),
            "target": target_NK,
            "weight": weight_N,
        }

    def work(self, candidates: CandidateSet, plan: Plan, state: State, step: Step) -> Work:
        """Train on all other folds, judge this one and test clips of its groups; or train on all, judge strangers."""
        # Folds leave strangers to whole steps, where there are such.
        left_N = _unheard(candidates) & bool(plan.n_whole)
        own_N = (state["fold"] == step.fold) & (not plan.whole(step))
        judged_N = left_N if plan.whole(step) else own_N | (candidates.test_N & ~left_N)
        trained = np.flatnonzero(_taught(candidates) & ~own_N)
        return Work(
            trained_S=trained,
            target_SK=state["target"][trained],
            weight_S=state["weight"][trained],
            verified_S=candidates.verified_N[trained],
            judged=np.flatnonzero(judged_N),
            validated=np.zeros(0, dtype=np.int64),
        )

    def fuse(
        self, candidates: CandidateSet, plan: Plan, state: State, outputs: Sequence[Output], *, iteration: int
    ) -> tuple[State, dict[str, Any]]:
        """Join members, estimate the mistakes and pass posteriors on as the next labels."""
        p_MNK = member_probabilities(candidates, plan, outputs)
        p_NK = geometric_mean(p_MNK)
        if iteration == plan.judging:
            return _with_strangers(candidates, state, p_NK, p_MNK, iteration=iteration)
        judged, heard = candidates.candidate_N, _measured(candidates, state["fold"] >= 0)
        temperature = fit_temperature(p_NK[heard], candidates.label_N[heard])
        p_NK = temperature.apply(p_NK)
        shown = candidates.same_source_N & (judged | (state["fold"] >= 0))
        confusion = estimate_group_confusion(
            p_NK[shown],
            candidates.label_N[shown],
            candidates.group_N[shown],
            config=CONFUSION,
            left_NK=_left(candidates)[shown],
        )
        target_NK, weight_N = state["target"].copy(), state["weight"].copy()
        target_NK[shown], weight_N[shown] = confusion.posterior_NK, confusion.posterior_NK.max(axis=1)
        after = {
            **state,
            "target": target_NK,
            "weight": weight_N,
            "p": p_NK,
            "p_members": p_MNK,
            "transition": confusion.transition_KK,
            "calibrated": np.array([temperature.is_fitted]),
            "temperature": np.array([temperature.value]),
        }
        return after, _row(candidates, after, iteration=iteration)

    def verdict(
        self,
        candidates: CandidateSet,
        plan: Plan,  # noqa: ARG002 -- others need it
        state: State,
        *,
        precision: float,
    ) -> Verdict:
        """Accept as many labels as keep the precision."""
        judged = candidates.candidate_N
        known = candidates.trained_N & (state["fold"] >= 0)
        plain_N = np.full(len(candidates), np.nan)
        p_NK = without_ruled_out(state["p"], candidates.excluded_NK)
        plain_N[known] = p_label_correct(p_NK[known], candidates.label_N[known], state["transition"])
        p_correct_N = plain_N.copy()
        p_correct_N[judged] = probability_of(state["target"][judged], candidates.label_N[judged])
        p_correct_N[candidates.rejected_N] = 0
        # Verified clips that nobody could judge keep the label that people gave them.
        label_N = np.where(known | candidates.test_N, p_NK.argmax(axis=1), candidates.label_N)
        told = judged | candidates.narrowed_N
        label_N[told] = state["target"][told].argmax(axis=1)
        label_N[candidates.excluded_NK.all(axis=1)] = NONE
        accept_N = judged & (plain_N >= LEAST_PLAIN) & state["calibrated"]
        held_out = _held_out_clips(candidates, state)
        threshold = accept_threshold(p_correct_N[accept_N], precision=precision, held_out=held_out)
        accept_N[accept_N] = threshold.accepts(p_correct_N[accept_N])
        return Verdict(
            p_NK=state["p"],
            p_MNK=state["p_members"],
            p_correct_N=p_correct_N,
            label_N=label_N,
            accept_N=accept_N,
            held_out=held_out,
        )


def _with_strangers(
    candidates: CandidateSet, state: State, p_NK: Floats, p_MNK: NDArray[np.float64], *, iteration: int
) -> tuple[State, dict[str, Any]]:
    """Add what whole steps say of test clips of unheard groups; what is known of all others stays."""
    left_N, after = _unheard(candidates), {**state, "p": state["p"].copy(), "p_members": state["p_members"].copy()}
    after["p"][left_N] = at_temperature(p_NK[left_N], float(state["temperature"][0]))
    after["p_members"][:, left_N] = p_MNK[:, left_N]
    return after, {**_row(candidates, after, iteration=iteration), "strangers": int(left_N.sum())}


def _row(candidates: CandidateSet, state: State, *, iteration: int) -> dict[str, Any]:
    judged = candidates.candidate_N
    row = iteration_row(
        state["p"][judged],
        candidates.label_N[judged],
        iteration=iteration + 1,
        verified=int(candidates.verified_N.sum()),
        added=0,
    )
    expected_wrong = 1 - probability_of(state["target"][judged], candidates.label_N[judged]).mean()
    return {
        **asdict(row),
        "map_at_3": row.map_at_3,
        "temperature": float(state["temperature"][0]),
        "expected_wrong": float(expected_wrong),
    }


def _unheard(candidates: CandidateSet) -> Bools:
    """Find the test clips of groups that have no clip to learn from, so that every network may judge them."""
    heard = candidates.group_N[_taught(candidates)]
    unheard_N: Bools = candidates.test_N & ~np.isin(candidates.group_N, heard)
    return unheard_N


def _measured(candidates: CandidateSet, known_N: Bools) -> Bools:
    """Find the verified clips by which probabilities are made honest.

    People review what an earlier run doubted, and of that only what they confirmed is verified: by such clips networks
    seem to be too unsure. They stand back where there are enough others.
    """
    verified_N: Bools = candidates.verified_N & known_N
    if candidates.reviewed_N is None:
        return verified_N
    others_N: Bools = verified_N & ~candidates.reviewed_N
    return others_N if others_N.sum() >= FEWEST else verified_N


def _held_out_clips(candidates: CandidateSet, state: State) -> HeldOut:
    """Judge verified clips that networks did not hear under each label that they could have been given.

    What networks mishear in their groups is estimated by their labels, as in other groups by labels that are right for
    the most part. With labels drawn by the noise, and all estimated anew, spoken digits gave the same shares.
    """
    measured_N = _measured(candidates, state["fold"] >= 0)
    p_VK, transition_KK = state["p"][measured_N], state["transition"]
    plain_VK = p_VK * np.diag(transition_KK) / (p_VK @ transition_KK)
    heard = estimate_group_confusion(
        p_VK,
        candidates.label_N[measured_N],
        candidates.group_N[measured_N],
        config=CONFUSION,
        left_NK=_left(candidates)[measured_N],
    )
    return hold_out(
        heard.likelihood_NK,
        candidates.label_N[measured_N],
        transition_KK,
        admitted_VK=plain_VK >= LEAST_PLAIN,
    )


def _asked(candidates: CandidateSet) -> Bools:
    """Find the clips that are to be given a class: those with a label to be judged, and those without the rejected."""
    asked_N: Bools = candidates.candidate_N | candidates.narrowed_N
    return asked_N


def _held_out(candidates: CandidateSet) -> Ints:
    """Find the groups that folds are to hold out.

    A single group to be judged needs one network, which hears all others. Test clips of those would be judged by
    nobody but the network that heard their group, so that with such clips every group is held out.
    """
    asked = np.unique(candidates.group_N[_asked(candidates)])
    tested = np.unique(candidates.group_N[candidates.test_N & ~_unheard(candidates)])
    if len(asked) == 1 and len(np.setdiff1d(tested, asked)):
        return np.unique(candidates.group_N[_taught(candidates)])
    return asked


def _taught(candidates: CandidateSet) -> Bools:
    """Find the clips that may be learned from: those with a label, and those of which people left fewer classes."""
    taught_N: Bools = candidates.trained_N | candidates.narrowed_N
    return taught_N


def _left(candidates: CandidateSet) -> Bools:
    """Return the classes that people left of each clip: of a verified one its label alone."""
    left_NK: Bools = ~candidates.excluded_NK
    verified = np.flatnonzero(candidates.verified_N)
    left_NK[verified] = False
    left_NK[verified, candidates.label_N[verified]] = True
    return left_NK
