"""Many people vote on one submission at the same moment, over real connections to a real database."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from django.db import transaction

from curation.models import Dataset, SubmissionState
from curation.services.row_import import Refused, Row
from tests.factories.file_database import own_database
from tests.factories.judgements import at_once
from tests.factories.rows import make_category, make_dataset, make_participant, make_submission
from validate.domain.majority import decide
from validate.models import Vote
from validate.selectors.votes import ballots_of
from validate.services.vote_import import VoteImporter
from validate.services.votes import VoteRefusedError, record_vote

pytestmark = pytest.mark.django_db(transaction=True)

VOTERS = 20


@pytest.fixture(autouse=True)
def _database_on_disk(tmp_path: Path, transactional_db: None) -> Iterator[None]:  # noqa: ARG001 -- comes first
    with own_database(tmp_path):
        yield


@pytest.mark.parametrize("votes_min", [3, 5])
def test_twenty_voters_at_once_never_pass_the_most_and_decide_right(votes_min: int) -> None:
    dataset = make_dataset(votes_min=votes_min, votes_max=5)
    submission = make_submission(dataset)
    voters = [make_participant(dataset) for _ in range(VOTERS)]
    results = at_once(
        [
            partial(
                record_vote,
                submission=submission,
                voter=voter,
                gain=place % 2 == 0,
                privacy=True,
                acoustic_cue=True,
                source="web",
            )
            for place, voter in enumerate(voters)
        ]
    )
    refused = [result for result in results if isinstance(result, Exception)]
    assert {getattr(error, "reason", repr(error)) for error in refused} == {"voting_closed"}
    votes = Vote.objects.filter(submission=submission).order_by("position")
    assert [vote.position for vote in votes] == list(range(1, VOTERS - len(refused) + 1))
    assert votes_min <= len(votes) <= 5
    submission.refresh_from_db()
    expected = decide(ballots_of([submission.pk])[submission.pk], votes_min=votes_min, votes_max=5)
    assert submission.state == expected.outcome != SubmissionState.UNDECIDED
    assert submission.decision["votes"] == submission.vote_count == len(votes)


def test_one_person_twice_at_once_votes_once() -> None:
    submission = make_submission(make_dataset())
    voter = make_participant(submission.dataset)
    vote = partial(record_vote, submission=submission, voter=voter, privacy=True, acoustic_cue=True, source="web")
    results = at_once([partial(vote, gain=True)] * 4)
    refused = [result for result in results if isinstance(result, VoteRefusedError)]
    assert [error.reason for error in refused] == ["already_voted"] * 3
    assert Vote.objects.count() == 1


def test_files_and_browsers_at_once_share_one_count() -> None:
    dataset = make_dataset()
    submissions = [make_submission(dataset, external_id=f"s{number}") for number in range(4)]
    answers = dict.fromkeys(("gain", "privacy", "acoustic_cue"), "yes")

    def import_file(file: int) -> object:
        order = submissions if file % 2 else submissions[::-1]
        rows = [
            Row(line, {"submission": each.external_id, "voter": f"file{file}", **answers})
            for line, each in enumerate(order, start=2)
        ]
        return VoteImporter(dataset=dataset).take(rows)

    web = [
        partial(
            record_vote,
            submission=submission,
            voter=make_participant(dataset),
            gain=True,
            privacy=True,
            acoustic_cue=True,
            source="web",
        )
        for submission in submissions
    ]
    results = at_once([*(partial(import_file, file) for file in range(6)), *web])
    unexpected = [each for each in results if isinstance(each, Exception) and not isinstance(each, VoteRefusedError)]
    assert not unexpected
    for submission in submissions:
        submission.refresh_from_db()
        assert submission.vote_count == Vote.objects.filter(submission=submission).count() == 5
        assert submission.state == SubmissionState.ACCEPTED


def test_recording_that_comes_in_meanwhile_is_not_voted_on_by_its_participant() -> None:
    """The import of votes finds a voter unknown, waits for the import of recordings, and must look again."""
    dataset = make_dataset()
    category = make_category(dataset)
    stored, waiting = threading.Event(), threading.Event()

    def import_recording() -> None:
        with transaction.atomic():
            Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)
            person = make_participant(dataset, "user0001")
            make_submission(dataset, category=category, participant=person, external_id="77")
            stored.set()
            waiting.wait(10)
            time.sleep(0.5)  # the other one stands at the lock by then

    def import_vote() -> object:
        importer = VoteImporter(dataset=dataset)
        stored.wait(10)
        waiting.set()
        answers = {"gain": "yes", "privacy": "yes", "acoustic_cue": "yes"}
        return importer.take([Row(2, {"submission": "77", "voter": "user0001", **answers})])

    failure, outcomes = at_once([import_recording, import_vote])
    assert failure is None
    assert isinstance(outcomes, list), outcomes
    [outcome] = outcomes
    assert isinstance(outcome, Refused)
    assert outcome.reason == "own_submission"
    assert not Vote.objects.exists()
