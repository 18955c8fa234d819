"""Storing votes and what follows from them: the submission's decision.

The submission's row is locked while a vote is stored, so that votes at the same time queue: no submission
gets more votes than its policy asks for, and the vote that settles it settles it once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction

from curation.domain.policy import Policy
from curation.domain.progress import Progress, no_progress
from curation.models import Dataset, DatasetPolicy, Participant, Submission, SubmissionState
from curation.selectors.policies import current_policy
from curation.services.jobs import enqueue_segmentation
from curation.services.submissions import SubmissionDecision, settle_submissions
from curation.services.vote_counts import set_vote_counts
from validate.domain.majority import Ballot, Decision, Outcome, decide
from validate.models import Vote
from validate.selectors.votes import ballots_of

RECOMPUTE_ROWS = 1_000


class VoteRefusedError(ValueError):
    """A vote that cannot be taken; `reason` is a code, `detail` says what was found and what to do."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class Recomputed:
    """What recomputing decisions found.

    Attributes
    ----------
    checked, settled : int
        Submissions with votes, and those that became decided.
    differing : int
        Decided submissions that today's policy would decide otherwise; they stay as they were decided.
    """

    checked: int
    settled: int
    differing: int


@transaction.atomic
def record_vote(
    *, submission: Submission, voter: Participant, gain: bool, privacy: bool, acoustic_cue: bool, source: str
) -> Vote:
    """Store one person's vote and settle the submission if it decides.

    Parameters
    ----------
    submission : Submission
        What was listened to.
    voter : Participant
        Who listened; a person of the same dataset, not the one who recorded.
    gain, privacy, acoustic_cue : bool
        The three answers (CochlScene II.C); yes is good.
    source : str
        A value of `VoteSource`.

    Returns
    -------
    Vote
        The stored row.

    Raises
    ------
    VoteRefusedError
        `other_dataset`, `own_submission`, `already_voted`, or `voting_closed` if the submission is decided or
        has all the votes that its policy asks for.

    References
    ----------
    CochlScene, section II.C.
    """
    locked = Submission.objects.select_for_update(no_key=True).get(pk=submission.pk)
    check_voter(locked, voter)
    if Vote.objects.filter(submission=locked, voter=voter).exists():
        raise VoteRefusedError("already_voted", "You have voted on this submission; a vote is given once and stays.")
    policy = current_policy(submission.dataset)
    ballots = ballots_of([locked.pk])[locked.pk]
    if locked.state != SubmissionState.UNDECIDED or len(ballots) >= policy.policy.votes_max:
        raise VoteRefusedError("voting_closed", "Enough others have voted on this submission. Take the next one.")
    ballots.append(Ballot(gain=gain, privacy=privacy, acoustic_cue=acoustic_cue))
    vote = Vote.objects.create(
        submission=locked,
        voter=voter,
        gain=gain,
        privacy=privacy,
        acoustic_cue=acoustic_cue,
        position=len(ballots),
        source=source,
    )
    set_vote_counts(counts={locked.pk: len(ballots)})
    if settle_by_votes(dataset=submission.dataset, policy=policy, ballots={locked.pk: ballots}):
        enqueue_segmentation(submission_ids=[locked.pk])
    return vote


def check_voter(submission: Submission, voter: Participant) -> None:
    """Refuse a person who may not judge the submission.

    Raises
    ------
    VoteRefusedError
        `other_dataset` or `own_submission`.
    """
    if voter.dataset_id != submission.dataset_id:
        raise VoteRefusedError("other_dataset", "The voter is a person of another dataset than the submission.")
    if voter.pk == submission.participant_id:
        raise VoteRefusedError("own_submission", "People do not vote on what they recorded themselves.")


def settle_by_votes(*, dataset: Dataset, policy: DatasetPolicy, ballots: Mapping[int, list[Ballot]]) -> int:
    """Decide submissions from all their votes and store what is decided.

    Parameters
    ----------
    dataset : Dataset
        Whose submissions.
    policy : DatasetPolicy
        The version in force.
    ballots : mapping of int to list of Ballot
        All votes by the submission's primary key; the submissions are locked.

    Returns
    -------
    int
        Submissions that went from undecided to decided.
    """
    decisions = {}
    for pk, given in ballots.items():
        decision = decide_under(policy.policy, given)
        if decision.outcome != Outcome.UNDECIDED:
            decisions[pk] = SubmissionDecision(
                state=SubmissionState(decision.outcome.value),
                by="votes",
                policy_version=policy.version,
                votes=decision.votes,
                reasons=decision.reasons,
            )
    return settle_submissions(dataset=dataset, decisions=decisions) if decisions else 0


def decide_under(policy: Policy, ballots: Sequence[Ballot]) -> Decision:
    """Apply the majority rule with a dataset's parameters."""
    return decide(ballots, votes_min=policy.votes_min, votes_max=policy.votes_max, rule=policy.vote_rule)


def recompute_decisions(*, dataset: Dataset, progress: Progress = no_progress) -> Recomputed:
    """Decide every submission anew from its votes, under the policy in force.

    Submissions that are still undecided are settled where the policy now allows it. A decision that was
    made stays, since clips may have been cut from it; those that would differ are counted.

    Parameters
    ----------
    dataset : Dataset
        Whose submissions.
    progress : Progress
        Told the submissions done.

    Returns
    -------
    Recomputed
        The same whenever it is asked again, but for `settled`.
    """
    policy = current_policy(dataset)
    voted = Submission.objects.filter(dataset=dataset, vote_count__gt=0).order_by("pk")
    total, last, settled, differing = voted.count(), 0, 0, 0
    checked = 0
    while True:
        with transaction.atomic():
            chunk = list(voted.filter(pk__gt=last).select_for_update(no_key=True)[:RECOMPUTE_ROWS])
            if not chunk:
                return Recomputed(checked=checked, settled=settled, differing=differing)
            ballots = ballots_of([submission.pk for submission in chunk])
            settled += settle_by_votes(dataset=dataset, policy=policy, ballots=ballots)
        for submission in chunk:
            outcome = decide_under(policy.policy, ballots[submission.pk]).outcome.value
            differing += submission.state not in {SubmissionState.UNDECIDED, outcome}
        checked += len(chunk)
        last = chunk[-1].pk
        progress(checked, total)
