"""Predictions through the API: in the order in which people should hear them, page by page."""

from __future__ import annotations

import base64

import pytest
from rest_framework.test import APIClient

from curation.models import CandidateAnnotation, Dataset, Role
from ml.api import pagination
from ml.models import VerificationRun
from ml.services.acceptance import accept_labels
from tests.factories.rows import make_annotation, make_category, make_clip, make_dataset, make_member
from tests.factories.verification_rows import make_finished_run, make_prediction, make_run
from tests.ml.api.clients import counted, every_page, member_client, runs_of

pytestmark = pytest.mark.django_db
P_CORRECT = (0.25, 0.97, 0.75, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0)


@pytest.fixture
def annotations() -> list[CandidateAnnotation]:
    dataset = make_dataset()
    categories = [make_category(dataset, name) for name in ("Bus", "Café")]
    return [make_annotation(make_clip(dataset), categories[at % 2]) for at in range(len(P_CORRECT))]


@pytest.fixture
def run(annotations: list[CandidateAnnotation]) -> VerificationRun:
    return make_finished_run(annotations[0].dataset, dict(zip(annotations, P_CORRECT, strict=True)))


@pytest.fixture
def client(run: VerificationRun) -> APIClient:
    return member_client(run.dataset, Role.ENGINEER)


def address(run: VerificationRun, query: str = "") -> str:
    return runs_of(run.dataset, f"{run.number}/predictions/{query}")


def test_a_prediction_says_what_is_heard_and_why_it_comes_so_early(
    run: VerificationRun, annotations: list[CandidateAnnotation], client: APIClient
) -> None:
    accept_labels(run=run, annotations=[annotations[1].pk], by=make_member(run.dataset, Role.CURATOR))
    rows = {row["annotation"]: row for row in client.get(address(run)).json()["results"]}
    first, clip = annotations[0], annotations[0].clip
    assert rows[first.pk] == {
        "annotation": first.pk,
        "clip": clip.name,
        "audio": f"http://testserver/media/clips/{clip.pk}.flac",
        "category": "Bus",
        "basis": "candidate",
        "p_correct": 0.25,
        "p_members": [0.25],
        "predicted": "Bus",
        "top": [{"category": "Bus", "probability": 0.25}],
        "disagreement": 0.1,
        "category_need": 0.2,
        "unreliability": 0.3,
        "change_per_minute": 0.4,
        "priority": 0.75,
        "admitted": True,
        "would_accept": False,
        "accepted": False,
    }
    assert {key for key, row in rows.items() if row["accepted"]} == {annotations[1].pk}


@pytest.mark.parametrize("size", range(1, 11))
def test_pages_have_each_prediction_once_and_lead_back(
    run: VerificationRun, annotations: list[CandidateAnnotation], client: APIClient, size: int
) -> None:
    order = [annotations[at].pk for at in (0, 2, 3, 1, 4, 5, 6, 7, 8)]  # equals by key
    pages = every_page(client, address(run, f"?page_size={size}"))
    assert [row["annotation"] for page in pages for row in page] == order
    assert all(len(page) == size for page in pages[:-1])
    link = address(run, f"?page_size={size}")
    while following := client.get(link).json()["next"]:
        link = following
    assert every_page(client, link, "previous") == pages[::-1]


def test_many_equals_are_passed_without_looking_at_each(
    run: VerificationRun, client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pagination.PriorityPagination, "offset_cutoff", 2)  # REST framework's own way ends there
    assert sum(map(len, every_page(client, address(run, "?page_size=1")))) == len(P_CORRECT)


def test_predictions_narrow_by_category_and_clip(
    run: VerificationRun, annotations: list[CandidateAnnotation], client: APIClient
) -> None:
    other = make_dataset()
    make_annotation(make_clip(other, name=annotations[0].clip.name), make_category(other, "Bus"))

    def found(query: str) -> list[int]:
        return [row["annotation"] for page in every_page(client, address(run, query)) for row in page]

    assert found("?category=Bus&page_size=2") == [annotations[at].pk for at in (0, 2, 4, 6, 8)]
    assert found(f"?clip={annotations[0].clip.name}") == [annotations[0].pk]
    assert found(f"?clip={annotations[0].clip.name}&category=Caf%C3%A9") == []
    assert found("?category=Elevator") == found("?clip=nothing.wav") == []
    for query, status in (("?categories=Bus", 400), ("?category=%00", 400), ("?page_size=0", 400)):
        assert client.get(address(run, query)).status_code == status


@pytest.mark.parametrize("position", ["", "x", "0.5", "nan 1", "inf 1", "0.5 x", f"0.5 {2**70}", "0.5 1 2"])
def test_a_cursor_that_was_not_made_here_is_not_found(run: VerificationRun, client: APIClient, position: str) -> None:
    cursor = base64.b64encode(f"p={position.replace(' ', '+')}".encode()).decode()
    assert client.get(address(run), {"cursor": cursor}).status_code == 404
    assert client.get(address(run), {"cursor": "Ł"}).status_code == 404


def test_queries_do_not_grow_with_rows(run: VerificationRun, client: APIClient) -> None:
    few = make_run(run.dataset)
    make_prediction(few, make_annotation(make_clip(run.dataset)), 0.5)
    for query in ("", "?category=Bus", f"?clip={run.predictions.all()[0].annotation.clip.name}"):
        counts = [counted(client, address(each, query))[0] for each in (few, run)]
        assert max(counts) <= 10
        assert counts[0] == counts[1] or not client.get(address(few, query)).json()["results"]


def test_a_run_under_way_has_none(client: APIClient, run: VerificationRun) -> None:
    going: Dataset = run.dataset
    assert client.get(address(make_run(going))).json() == {"next": None, "previous": None, "results": []}
