"""One vote at a time: what is taken, what is refused, and what follows."""

from __future__ import annotations

import pytest

from curation.domain.policy import Policy
from curation.models import Dataset, Participant, Submission, SubmissionState
from curation.services.datasets import set_policy
from tests.factories.rows import make_dataset, make_participant, make_submission
from validate.models import Vote
from validate.services.votes import VoteRefusedError, recompute_decisions, record_vote

pytestmark = pytest.mark.django_db

GOOD = {"gain": True, "privacy": True, "acoustic_cue": True}


def cast_vote(submission: Submission, voter: Participant | None = None, **answers: bool) -> Vote:
    return record_vote(
        submission=submission,
        voter=voter or make_participant(submission.dataset),
        source="web",
        **{**GOOD, **answers},
    )


@pytest.fixture
def dataset() -> Dataset:
    return make_dataset()


@pytest.fixture
def submission(dataset: Dataset) -> Submission:
    return make_submission(dataset)


def test_three_good_votes_accept_and_positions_count_up(submission: Submission) -> None:
    positions = []
    for _ in range(3):
        submission.refresh_from_db()
        assert submission.state == SubmissionState.UNDECIDED
        positions.append(cast_vote(submission).position)
    submission.refresh_from_db()
    assert positions == [1, 2, 3]
    assert submission.state == SubmissionState.ACCEPTED
    assert submission.decided_at is not None
    assert submission.vote_count == 3
    assert submission.decision == {"policy": 1, "by": "votes", "votes": 3, "reasons": {}}


def test_a_rejection_keeps_its_reasons(submission: Submission) -> None:
    cast_vote(submission, gain=False)
    cast_vote(submission, gain=False, privacy=False)
    cast_vote(submission, acoustic_cue=False)
    submission.refresh_from_db()
    assert submission.state == SubmissionState.REJECTED
    assert submission.decision["reasons"] == {"gain": 2, "privacy": 1, "acoustic_cue": 1}


def test_the_policys_rule_decides() -> None:
    submission = make_submission(make_dataset(vote_rule="criterion", votes_max=3))
    for criterion in GOOD:
        cast_vote(submission, **{criterion: False})
    submission.refresh_from_db()
    assert submission.state == SubmissionState.ACCEPTED


def test_a_divided_submission_waits_for_the_fifth_vote(submission: Submission) -> None:
    for good in (True, False, True, False):
        cast_vote(submission, gain=good)
        submission.refresh_from_db()
        assert submission.state == SubmissionState.UNDECIDED
    cast_vote(submission)
    submission.refresh_from_db()
    assert submission.state == SubmissionState.ACCEPTED


def test_refusals(dataset: Dataset, submission: Submission) -> None:
    def reason(voter: Participant) -> str:
        with pytest.raises(VoteRefusedError) as refused:
            cast_vote(submission, voter)
        assert refused.value.detail
        return refused.value.reason

    first = make_participant(dataset)
    cast_vote(submission, first)
    assert reason(submission.participant) == "own_submission"
    assert reason(make_participant(make_dataset())) == "other_dataset"
    assert reason(first) == "already_voted"
    cast_vote(submission)
    cast_vote(submission)
    assert reason(make_participant(dataset)) == "voting_closed"
    assert reason(first) == "already_voted"
    assert Vote.objects.filter(submission=submission).count() == 3


def test_a_tie_of_all_votes_closes_undecided() -> None:
    dataset = make_dataset(votes_min=2, votes_max=2)
    submission = make_submission(dataset)
    cast_vote(submission)
    cast_vote(submission, gain=False)
    submission.refresh_from_db()
    assert submission.state == SubmissionState.UNDECIDED
    with pytest.raises(VoteRefusedError, match="voting_closed"):
        cast_vote(submission)


def test_a_submission_that_came_accepted_takes_no_votes(dataset: Dataset) -> None:
    submission = make_submission(dataset, state=SubmissionState.ACCEPTED)
    with pytest.raises(VoteRefusedError, match="voting_closed"):
        cast_vote(submission)


def test_recomputing_changes_nothing_and_says_the_same_again(dataset: Dataset) -> None:
    decided, waiting = make_submission(dataset), make_submission(dataset)
    make_submission(dataset)  # without votes
    for _ in range(3):
        cast_vote(decided)
    cast_vote(waiting)
    before = list(Submission.objects.order_by("pk").values())
    for _ in range(2):
        found = recompute_decisions(dataset=dataset)
        assert (found.checked, found.settled, found.differing) == (2, 0, 0)
    assert list(Submission.objects.order_by("pk").values()) == before


def test_recomputing_settles_under_a_new_policy_and_keeps_old_decisions(dataset: Dataset) -> None:
    objections = make_submission(dataset)
    for criterion in GOOD:
        cast_vote(objections, **{criterion: False})
    single = make_submission(dataset)
    cast_vote(single)
    set_policy(dataset=dataset, policy=Policy(votes_min=1, votes_max=1, vote_rule="criterion"))
    found = recompute_decisions(dataset=dataset)
    assert (found.checked, found.settled, found.differing) == (2, 1, 1)
    objections.refresh_from_db()
    single.refresh_from_db()
    assert objections.state == SubmissionState.REJECTED
    assert (single.state, single.decision["policy"]) == (SubmissionState.ACCEPTED, 2)
