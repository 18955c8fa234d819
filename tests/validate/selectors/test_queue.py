"""Which submission a person is asked to vote on next."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from curation.models import Dataset, Submission, SubmissionState
from tests.factories.rows import make_dataset, make_participant, make_submission
from validate.selectors.queue import open_submissions, state_counts
from validate.selectors.votes import votes_given, votes_of
from validate.services.votes import record_vote

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset() -> Dataset:
    return make_dataset()


def vote(submission: Submission, *, good: bool = True) -> None:
    record_vote(
        submission=submission,
        voter=make_participant(submission.dataset),
        gain=good,
        privacy=True,
        acoustic_cue=True,
        source="web",
    )


def test_most_votes_come_first_then_the_oldest(dataset: Dataset) -> None:
    oldest, second, begun = (make_submission(dataset) for _ in range(3))
    vote(begun)
    person = make_participant(dataset)
    assert list(open_submissions(dataset, person)) == [begun, oldest, second]
    assert open_submissions(dataset, person).first() == begun


def test_own_decided_and_voted_ones_are_not_served(dataset: Dataset) -> None:
    person = make_participant(dataset)
    make_submission(dataset, participant=person)
    make_submission(dataset, state=SubmissionState.ACCEPTED)
    make_submission(make_dataset())
    voted = make_submission(dataset)
    record_vote(submission=voted, voter=person, gain=True, privacy=True, acoustic_cue=True, source="web")
    assert open_submissions(dataset, person).first() is None
    assert votes_given(person) == 1


def test_a_tie_of_all_votes_is_not_served() -> None:
    dataset = make_dataset(votes_min=2, votes_max=2)
    submission = make_submission(dataset)
    vote(submission)
    vote(submission, good=False)
    assert open_submissions(dataset, make_participant(dataset)).first() is None


def test_serving_takes_two_queries_whatever_there_is(dataset: Dataset) -> None:
    person = make_participant(dataset)
    for _ in range(20):
        vote(make_submission(dataset))
    with CaptureQueriesContext(connection) as queries:
        served = open_submissions(dataset, person).select_related("task__category").first()
        assert served is not None
        assert served.task.category.name
    assert len(queries) == 2


def test_serving_reads_one_index(dataset: Dataset) -> None:
    make_submission(dataset)
    plan = open_submissions(dataset, make_participant(dataset))[:1].explain()
    if connection.vendor == "sqlite":
        assert "submission_to_vote_on" in plan
        assert "TEMP B-TREE" not in plan


def test_votes_of_a_submission_come_in_order_with_their_voters(dataset: Dataset) -> None:
    submission = make_submission(dataset)
    for good in (True, False, True):
        vote(submission, good=good)
    with CaptureQueriesContext(connection) as queries:
        votes = [(each.position, each.gain, each.voter.code) for each in votes_of(submission)]
    assert [row[:2] for row in votes] == [(1, True), (2, False), (3, True)]
    assert len(queries) == 1


def test_states_are_counted_by_dataset(dataset: Dataset) -> None:
    make_submission(dataset)
    make_submission(make_dataset())
    make_submission(dataset, state=SubmissionState.REJECTED)
    assert state_counts(dataset) == {"undecided": 1, "accepted": 0, "rejected": 1}
