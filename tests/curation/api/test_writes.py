"""Writes through the API: votes, ratings, jobs."""

from __future__ import annotations

import pytest
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from curation.models import CandidateAnnotation, Job, JobState, Role, Submission, SubmissionState, User
from curation.services.jobs import enqueue
from tests.factories.rows import (
    make_annotation,
    make_clip,
    make_dataset,
    make_member,
    make_participant,
    make_submission,
    make_user,
)

pytestmark = pytest.mark.django_db

YES = {"gain": True, "privacy": True, "acoustic_cue": True}


def client_of(user: User) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {Token.objects.get_or_create(user=user)[0].key}")
    return client


def test_three_equal_votes_settle_a_submission() -> None:
    dataset = make_dataset()
    submission = make_submission(dataset)
    for _ in range(3):
        client = client_of(make_member(dataset, Role.ANNOTATOR))
        answer = client.post("/api/votes/", {"submission_id": submission.pk, **YES}, format="json")
        assert answer.status_code == 201, answer.content
    submission.refresh_from_db()
    assert submission.state == SubmissionState.ACCEPTED


def test_second_vote_of_one_person_conflicts() -> None:
    dataset = make_dataset()
    submission = make_submission(dataset)
    client = client_of(make_member(dataset, Role.ANNOTATOR))
    wish = {"submission_id": submission.pk, **YES}
    client.post("/api/votes/", wish, format="json")
    answer = client.post("/api/votes/", wish, format="json")
    assert answer.status_code == 409
    assert answer.json()["reason"] == "already_voted"


def test_own_submission_is_not_found_for_voting() -> None:
    dataset = make_dataset()
    annotator = make_member(dataset, Role.ANNOTATOR)
    submission = make_submission(dataset, participant=make_participant(dataset, user=annotator))
    answer = client_of(annotator).post("/api/votes/", {"submission_id": submission.pk, **YES}, format="json")
    assert answer.status_code == 404


@pytest.mark.parametrize("role", [Role.PARTICIPANT, Role.CURATOR, Role.ENGINEER])
def test_voting_needs_the_role(role: Role) -> None:
    dataset = make_dataset()
    submission: Submission = make_submission(dataset)
    answer = client_of(make_member(dataset, role)).post(
        "/api/votes/", {"submission_id": submission.pk, **YES}, format="json"
    )
    assert answer.status_code in {403, 404}


def test_two_equal_ratings_settle_an_annotation() -> None:
    dataset = make_dataset()
    annotation: CandidateAnnotation = make_annotation(make_clip(dataset))
    for _ in range(2):
        client = client_of(make_member(dataset, Role.ANNOTATOR))
        answer = client.post("/api/ratings/", {"annotation_id": annotation.pk, "presence": "PNP"}, format="json")
        assert answer.status_code == 201, answer.content
    annotation.refresh_from_db()
    assert (annotation.state, annotation.consensus) == ("settled", "PNP")


@pytest.mark.parametrize(
    "body", [{}, {"annotation_id": 1}, {"annotation_id": "x", "presence": "PP"}, {"presence": "Q"}]
)
def test_unusable_rating_is_explained(body: dict[str, object]) -> None:
    dataset = make_dataset()
    answer = client_of(make_member(dataset, Role.ANNOTATOR)).post("/api/ratings/", body, format="json")
    assert answer.status_code == 400
    assert answer.json()


def test_rating_in_a_dataset_without_a_role_is_not_found() -> None:
    annotation = make_annotation(make_clip(make_dataset()))
    answer = client_of(make_user()).post(
        "/api/ratings/", {"annotation_id": annotation.pk, "presence": "PP"}, format="json"
    )
    assert answer.status_code == 404


def test_asking_twice_for_a_job_gives_one_job() -> None:
    dataset = make_dataset()
    client = client_of(make_member(dataset, Role.CURATOR))
    wish = {"kind": "segment", "dataset": dataset.slug}
    first = client.post("/api/jobs/", wish, format="json")
    second = client.post("/api/jobs/", wish, format="json")
    assert first.status_code == second.status_code == 202
    assert first.json()["id"] == second.json()["id"]
    assert Job.objects.count() == 1


def test_unknown_kind_of_job_names_the_known_ones() -> None:
    dataset = make_dataset()
    client = client_of(make_member(dataset, Role.CURATOR))
    answer = client.post("/api/jobs/", {"kind": "nonsense", "dataset": dataset.slug}, format="json")
    assert answer.status_code == 400
    assert "segment" in answer.json()["kind"][0]


def test_job_for_no_dataset_is_told_where_datasets_are_listed() -> None:
    client = client_of(make_member(make_dataset(), Role.CURATOR))
    answer = client.post("/api/jobs/", {"kind": "segment", "dataset": make_dataset().slug}, format="json")
    assert answer.status_code == 404
    assert "/api/datasets/" in answer.json()["detail"]


def test_job_needs_a_role() -> None:
    dataset = make_dataset()
    client = client_of(make_member(dataset, Role.ANNOTATOR))
    answer = client.post("/api/jobs/", {"kind": "segment", "dataset": dataset.slug}, format="json")
    assert answer.status_code == 403


def test_a_job_that_must_be_ended_is_not_cancelled() -> None:
    dataset = make_dataset()
    client = client_of(make_member(dataset, Role.ENGINEER))
    job = enqueue(kind="verify-order", dataset=dataset)
    answer = client.post(f"/api/jobs/{job.pk}/cancel/")
    assert (answer.status_code, answer.json()["reason"]) == (409, "cannot_stop")
    job.refresh_from_db()
    assert (job.state, job.cancel_requested) == (JobState.QUEUED, False)


def test_cancelled_queued_job_does_not_run() -> None:
    dataset = make_dataset()
    client = client_of(make_member(dataset, Role.ENGINEER))
    job = client.post("/api/jobs/", {"kind": "segment", "dataset": dataset.slug}, format="json").json()
    answer = client.post(f"/api/jobs/{job['id']}/cancel/")
    assert answer.status_code == 202
    assert answer.json()["state"] == "cancelled"


def test_own_judgements_are_gone_with_the_role() -> None:
    dataset = make_dataset()
    annotator = make_member(dataset, Role.ANNOTATOR)
    client = client_of(annotator)
    client.post("/api/votes/", {"submission_id": make_submission(dataset).pk, **YES}, format="json")
    annotation = make_annotation(make_clip(dataset))
    client.post("/api/ratings/", {"annotation_id": annotation.pk, "presence": "PP"}, format="json")
    lists = ("/api/votes/", "/api/ratings/")
    assert [len(client.get(path).json()["results"]) for path in lists] == [1, 1]
    annotator.memberships.all().delete()
    assert [len(client.get(path).json()["results"]) for path in lists] == [0, 0]
