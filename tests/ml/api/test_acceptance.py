"""Accepting labels through the API: by id, from a probability on, at a precision; and taking it back."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from curation.models import CandidateAnnotation, Job, Role
from ml.models import AcceptanceEvent, VerificationRun
from ml.selectors.predictions import predictions_by_priority
from ml.services import bulk_acceptance
from tests.factories.rows import make_annotation, make_category, make_clip, make_dataset
from tests.factories.verification_rows import make_finished_run, make_run, settle, work
from tests.ml.api.clients import member_client, runs_of

pytestmark = pytest.mark.django_db
CURVE = [[0.2, 5, 0.736], [0.6, 4, 0.87], [0.97, 3, 0.98], [0.99, 2, 0.99]]


@pytest.fixture
def annotations() -> list[CandidateAnnotation]:
    dataset = make_dataset()
    category = make_category(dataset)
    return [make_annotation(make_clip(dataset), category) for _ in range(5)]


@pytest.fixture
def run(annotations: list[CandidateAnnotation]) -> VerificationRun:
    found = dict(zip(annotations, (0.99, 0.99, 0.97, 0.6, 0.2), strict=True))
    summary = {"assured": CURVE, "totals": {"verified": 0, "judged": 5, "probably_wrong": 1, "would_accept": 3}}
    return make_finished_run(annotations[0].dataset, found, summary=summary)


@pytest.fixture
def curator(run: VerificationRun) -> APIClient:
    return member_client(run.dataset, Role.CURATOR)


def ask(client: APIClient, run: VerificationRun, word: str, wish: dict[str, Any]) -> tuple[int, Any]:
    answer = client.post(runs_of(run.dataset, f"{run.number}/{word}/"), wish, format="json")
    return answer.status_code, answer.json()


def accepted(run: VerificationRun) -> list[int]:
    return sorted(row.annotation_id for row in predictions_by_priority(run) if row.accepted)


def stored(count: int, *, passed_over: int | None = 0, threshold: float | None = None) -> tuple[int, dict[str, Any]]:
    return 200, {"stored": count, "passed_over": passed_over, "queued": False, "threshold": threshold}


def test_labels_are_accepted_by_id_and_taken_back(
    run: VerificationRun, annotations: list[CandidateAnnotation], curator: APIClient
) -> None:
    keys = [annotation.pk for annotation in annotations]
    assert ask(curator, run, "accept", {"annotations": keys[:2]}) == stored(2)
    assert ask(curator, run, "accept", {"annotations": keys[1:3]}) == stored(1, passed_over=1)
    assert ask(curator, run, "undo", {"annotations": keys[2:4]}) == stored(1, passed_over=1)
    assert accepted(run) == keys[:2]
    assert ask(curator, run, "undo", {"all": True}) == stored(2, passed_over=None)
    assert accepted(run) == []
    assert AcceptanceEvent.objects.count() == 6


@pytest.mark.parametrize(
    ("wish", "count", "threshold"),
    [
        ({"threshold": 0.6}, 4, 0.6),
        ({"threshold": 1}, 0, 1.0),
        ({"precision": 0.99}, 2, 0.99),
        ({"precision": 0.9}, 3, 0.97),
        ({"precision": 0}, 5, 0.2),
    ],
)
def test_labels_are_accepted_from_a_probability_or_at_a_precision(
    run: VerificationRun,
    annotations: list[CandidateAnnotation],
    curator: APIClient,
    wish: dict[str, Any],
    count: int,
    threshold: float,
) -> None:
    assert ask(curator, run, "accept", wish) == stored(count, passed_over=None, threshold=threshold)
    assert accepted(run) == [annotation.pk for annotation in annotations[:count]]
    assert ask(curator, run, "accept", wish) == stored(0, passed_over=None, threshold=threshold)


def test_what_people_have_settled_stays_theirs(
    run: VerificationRun, annotations: list[CandidateAnnotation], curator: APIClient
) -> None:
    settle(annotations[0], "NP")
    assert ask(curator, run, "accept", {"threshold": 0.9}) == stored(2, passed_over=None, threshold=0.9)


def test_very_many_labels_are_left_to_a_job(
    run: VerificationRun, curator: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_acceptance, "AT_ONCE", 2)
    for word, wish, count in (("accept", {"threshold": 0.5}, 4), ("undo", {"all": True}, 0)):
        status, answer = ask(curator, run, word, wish)
        assert (status, answer["queued"], answer["stored"]) == (202, True, 0)
        work()
        assert len(accepted(run)) == count
    assert {job.state for job in Job.objects.filter(dataset=run.dataset)} == {"done"}


@pytest.mark.parametrize("word", ["accept", "undo"])
@pytest.mark.parametrize(
    "wish",
    [
        {},
        {"annotations": []},
        {"annotations": [0]},
        {"annotations": [2**63]},
        {"annotations": ["x"]},
        {"annotations": list(range(1, 10_002))},
        {"threshold": 0.5, "precision": 0.9},
        {"threshold": 1.5},
        {"threshold": "nan"},
        {"precision": 10**400},
        {"all": False},
        {"all": True, "annotations": [1]},
        {"treshold": 0.5},
    ],
)
def test_a_request_that_does_not_say_one_thing_is_refused(
    run: VerificationRun, curator: APIClient, word: str, wish: dict[str, Any]
) -> None:
    assert ask(curator, run, word, wish)[0] == 400
    assert not AcceptanceEvent.objects.exists()


def test_what_cannot_be_accepted_is_refused_with_the_reason(
    run: VerificationRun, annotations: list[CandidateAnnotation], curator: APIClient
) -> None:
    later = make_annotation(make_clip(run.dataset), annotations[0].category)
    going = make_run(run.dataset)
    key = annotations[0].pk
    for which, wish, reason in (
        (run, {"annotations": [key, later.pk]}, "not_judged"),
        (run, {"precision": 0.999}, "nothing_reaches"),
        (going, {"annotations": [key]}, "not_finished"),
        (going, {"precision": 0.9}, "not_finished"),
        (going, {"threshold": 0.9}, "not_finished"),
    ):
        status, answer = ask(curator, which, "accept", wish)
        assert (status, answer["reason"]) == (409, reason)
        assert answer["detail"]
    assert not AcceptanceEvent.objects.exists()


def test_a_run_that_lacks_clips_to_trust_it_by_says_how_many(run: VerificationRun, curator: APIClient) -> None:
    heard = {"low": 0.0, "high": 1.0, "clips": 12, "confidence": 0.9, "accuracy": 0.9}
    run.summary |= {"assured": [], "reliability": [heard]}
    run.save()
    status, answer = ask(curator, run, "accept", {"precision": 0.9})
    assert (status, answer["reason"]) == (409, "nothing_reaches")
    assert "judged 12 verified clips" in answer["detail"]
    assert "at least 30" in answer["detail"]


@pytest.mark.parametrize("role", [Role.ENGINEER, Role.ANNOTATOR])
def test_nobody_but_curators_accepts(run: VerificationRun, role: Role) -> None:
    client = member_client(run.dataset, role)
    for word, wish in (("accept", {"threshold": 0.5}), ("undo", {"all": True})):
        assert ask(client, run, word, wish)[0] == (403 if role == Role.ENGINEER else 404)
    assert not AcceptanceEvent.objects.exists()


def test_queries_do_not_grow_with_labels(
    run: VerificationRun, annotations: list[CandidateAnnotation], curator: APIClient
) -> None:
    counts = []
    for wish in ({"annotations": [annotations[4].pk]}, {"threshold": 0.99}, {"threshold": 0.5}):
        with CaptureQueriesContext(connection) as queries:
            ask(curator, run, "accept", wish)
        counts.append(len(queries))
    assert counts[2] == counts[1]
