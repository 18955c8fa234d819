"""Quality estimates through the API: fresh in a small dataset, quick in a large one."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.dateparse import parse_datetime
from rest_framework.test import APIClient

from annotate.models import Rating
from annotate.services import quality
from annotate.services.ratings import record_rating
from curation.models import CandidateAnnotation, Dataset, Job, Role
from curation.services import summaries
from curation.services.summaries import refresh_summary
from tests.factories.rows import (
    make_annotation,
    make_category,
    make_clip,
    make_dataset,
    make_member,
    make_participant,
    make_user,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset() -> Dataset:
    dataset = make_dataset("scenes")
    rate(make_annotation(make_clip(dataset), make_category(dataset, "Bus")), "PP")
    return dataset


@pytest.fixture
def client(dataset: Dataset) -> APIClient:
    client = APIClient()
    client.force_authenticate(make_member(dataset, Role.ANNOTATOR))
    return client


@pytest.fixture
def _large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let one clip be more than is counted while somebody waits."""
    monkeypatch.setattr(quality, "SMALL_ROWS", 0)
    monkeypatch.setattr(summaries, "SMALL_ROWS", 0)


def rate(annotation: CandidateAnnotation, presence: str) -> Rating:
    person = make_participant(annotation.dataset)
    return record_rating(annotation=annotation, annotator=person, presence=presence, source="web")


def test_small_dataset_shows_the_newest_rating(dataset: Dataset, client: APIClient) -> None:
    refresh_summary(dataset=dataset)
    rate(CandidateAnnotation.objects.get(), "PNP")
    answer = client.get("/api/datasets/scenes/quality/").json()
    assert parse_datetime(answer["as_of"]) is not None
    [row] = answer["categories"]
    assert (row["category"], row["pp"], row["pnp"], row["np"], row["u"], row["qe"]) == ("Bus", 1, 1, 0, 0, 1.0)
    assert (row["annotations"], row["settled"], row["undecided"], row["unrated"]) == (1, 0, 1, 0)
    assert 0 < row["low"] < row["high"] == 1


@pytest.mark.usefixtures("_large")
def test_large_dataset_shows_what_was_counted_last_and_when(dataset: Dataset, client: APIClient) -> None:
    counted = refresh_summary(dataset=dataset)
    rate(CandidateAnnotation.objects.get(), "PNP")
    with CaptureQueriesContext(connection) as queries:
        answer = client.get("/api/datasets/scenes/quality/").json()
    assert parse_datetime(answer["as_of"]) == counted.computed_at
    assert [(row["category"], row["pp"], row["pnp"]) for row in answer["categories"]] == [("Bus", 1, 0)]
    assert not any("annotate_rating" in query["sql"] for query in queries.captured_queries)
    assert not Job.objects.exists()


@pytest.mark.usefixtures("_large")
def test_old_figures_of_a_large_dataset_are_counted_anew_by_one_job(dataset: Dataset, client: APIClient) -> None:
    counted = refresh_summary(dataset=dataset)
    counted.document["cost_s"] = 0.1
    counted.computed_at = counted.computed_at.replace(year=2020)
    counted.save()
    for _ in range(2):
        answer = client.get("/api/datasets/scenes/quality/").json()
        assert parse_datetime(answer["as_of"]) == counted.computed_at
    assert Job.objects.get().kind == "summarise"


@pytest.mark.usefixtures("_large")
def test_large_dataset_that_was_never_counted_is_counted(client: APIClient) -> None:
    assert client.get("/api/datasets/scenes/quality/").json()["categories"][0]["pp"] == 1
    assert Job.objects.get().kind == "summarise"


def test_dataset_without_a_role_is_not_found(dataset: Dataset) -> None:
    stranger = APIClient()
    stranger.force_authenticate(make_user())
    assert stranger.get(f"/api/datasets/{dataset.slug}/quality/").status_code == 404
