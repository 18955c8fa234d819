from __future__ import annotations

import re

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from curation.models import Dataset, Role, Submission, SubmissionState, User
from tests.factories.rows import make_dataset, make_member, make_participant, make_submission, make_user
from validate.models import Vote
from validate.services.votes import record_vote

pytestmark = pytest.mark.django_db
MOST_QUERIES = 10
YES = {"gain": "yes", "privacy": "yes", "acoustic_cue": "yes"}


@pytest.fixture
def dataset() -> Dataset:
    return make_dataset("scenes")


@pytest.fixture
def annotator(dataset: Dataset) -> User:
    return make_member(dataset, Role.ANNOTATOR)


@pytest.fixture
def client(annotator: User) -> Client:
    client = Client()
    client.force_login(annotator)
    return client


@pytest.fixture
def submissions(dataset: Dataset) -> list[Submission]:
    return [make_submission(dataset) for _ in range(3)]


def _asked(response: HttpResponse) -> int | None:
    found = re.search(r'name="submission"\s+value="(\d+)"', response.content.decode())
    return int(found[1]) if found else None


def _send(client: Client, submission: Submission, **answers: str) -> HttpResponse:
    return client.post("/d/scenes/vote/", {"submission": submission.pk, **YES, **answers})  # type: ignore[return-value]


def test_a_vote_is_stored_and_leads_to_the_next(client: Client, submissions: list[Submission]) -> None:
    assert _asked(client.get("/d/scenes/vote/")) == submissions[0].pk
    response = _send(client, submissions[0], privacy="no")
    assert (response.status_code, response["Location"]) == (302, "/d/scenes/vote/")
    vote = Vote.objects.get()
    assert (vote.gain, vote.privacy, vote.acoustic_cue, vote.source) == (True, False, True, "web")
    assert _asked(client.get("/d/scenes/vote/")) == submissions[1].pk


def test_a_vote_sent_twice_counts_once(client: Client, submissions: list[Submission]) -> None:
    for _ in range(3):
        assert _send(client, submissions[0]).status_code == 302
    assert Vote.objects.count() == 1
    assert "was not stored" in client.get("/d/scenes/vote/").content.decode()


def test_an_incomplete_ballot_is_asked_again_with_its_answers(client: Client, submissions: list[Submission]) -> None:
    response = client.post("/d/scenes/vote/", {"submission": submissions[1].pk, "gain": "no", "privacy": "maybe"})
    page = response.content.decode()
    assert response.status_code == 422
    assert _asked(response) == submissions[1].pk  # type: ignore[arg-type]
    assert re.search(r'name="gain"\s+value="no"\s+required\s+checked', page)
    assert "Answer all three questions" in page
    assert not Vote.objects.exists()


def test_a_vote_that_comes_too_late_is_refused_kindly(
    client: Client, dataset: Dataset, submissions: list[Submission]
) -> None:
    for _ in range(3):
        record_vote(
            submission=submissions[0],
            voter=make_participant(dataset),
            gain=True,
            privacy=True,
            acoustic_cue=True,
            source="import",
        )
    assert _send(client, submissions[0]).status_code == 302
    assert "enough others had voted" in client.get("/d/scenes/vote/").content.decode()
    assert Vote.objects.count() == 3


def test_people_do_not_vote_on_their_own_recording(client: Client, dataset: Dataset, annotator: User) -> None:
    own = make_submission(dataset, participant=make_participant(dataset, user=annotator))
    assert _asked(client.get("/d/scenes/vote/")) is None
    assert _send(client, own).status_code == 302
    assert "your own recording" in client.get("/d/scenes/vote/").content.decode()
    assert not Vote.objects.exists()


def test_submissions_of_other_datasets_cannot_be_voted_on(client: Client) -> None:
    assert _send(client, make_submission(make_dataset())).status_code == 404


def test_what_is_put_aside_comes_back_when_asked_for(client: Client, submissions: list[Submission]) -> None:
    client.post("/d/scenes/vote/", {"skip": submissions[0].pk})
    assert _asked(client.get("/d/scenes/vote/")) == submissions[1].pk
    for submission in submissions[1:]:
        client.post("/d/scenes/vote/", {"skip": submission.pk})
    assert "You put 3 aside." in client.get("/d/scenes/vote/").content.decode()
    client.post("/d/scenes/vote/", {"again": "1"})
    assert _asked(client.get("/d/scenes/vote/")) == submissions[0].pk


def test_what_was_put_aside_and_decided_meanwhile_no_longer_counts(
    client: Client, submissions: list[Submission]
) -> None:
    for submission in submissions:
        client.post("/d/scenes/vote/", {"skip": submission.pk})
    Submission.objects.filter(pk__in=[one.pk for one in submissions]).update(
        state=SubmissionState.ACCEPTED, decided_at=timezone.now()
    )
    assert 'name="again"' not in client.get("/d/scenes/vote/").content.decode()


def test_decided_submissions_are_not_asked_about(client: Client, dataset: Dataset) -> None:
    make_submission(dataset, state=SubmissionState.ACCEPTED)
    assert "All voted on" in client.get("/d/scenes/vote/").content.decode()


def test_only_annotators_vote(dataset: Dataset, submissions: list[Submission]) -> None:
    def status(user: User | None) -> int:
        client = Client()
        if user:
            client.force_login(user)
        answers = {client.get("/d/scenes/vote/").status_code, _send(client, submissions[0]).status_code}
        assert len(answers) == 1
        return answers.pop()

    assert status(None) == 302  # to sign in
    assert status(make_user()) == 404
    for role in (Role.PARTICIPANT, Role.CURATOR, Role.ENGINEER):
        assert status(make_member(dataset, role)) == 403
    assert not Vote.objects.exists()


def test_the_page_takes_at_most_ten_queries(
    client: Client, submissions: list[Submission], django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    _send(client, submissions[0])
    with django_assert_max_num_queries(MOST_QUERIES):
        client.get("/d/scenes/vote/")
