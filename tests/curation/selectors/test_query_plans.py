"""Pages of lists come from an index in its order: nothing is sorted, and no table is gone through."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from annotate.selectors.queue import open_annotations
from curation.models import Dataset, Role
from curation.selectors.lists import clip_page, submission_page
from tests.factories.rows import make_category, make_dataset, make_member, make_participant
from validate.selectors.queue import open_submissions

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif("connection.vendor != 'sqlite'", reason="plans are SQLite's; PostgreSQL's depend on the rows"),
]
BIG = "clip|submission|candidateannotation|vote|rating"
GONE_THROUGH = re.compile(rf"SCAN (curation|validate|annotate)_({BIG})\b(?!.* USING)")


def _plans(captured: CaptureQueriesContext) -> list[str]:
    """Explain every query about the big tables."""
    plans = []
    with connection.cursor() as cursor:
        for query in list(captured):
            if query["sql"].startswith("SELECT") and re.search(rf"_({BIG})\"", query["sql"]):
                cursor.execute("EXPLAIN QUERY PLAN " + query["sql"].replace("%", "%%"), ())
                plans.append("\n".join(row[3] for row in cursor.fetchall()))
    return plans


def _assert_quick(read: Callable[[], Any], *, met_on_the_way: bool = False) -> None:
    """Check every plan; rows that are nearly all shown may be met one by one, in the order of their keys."""
    with CaptureQueriesContext(connection) as captured:
        read()
    plans = _plans(captured)
    assert plans
    for plan in plans:
        assert met_on_the_way or not GONE_THROUGH.search(plan), plan
        assert "TEMP B-TREE" not in plan, plan


@pytest.fixture
def dataset() -> Dataset:
    return make_dataset()


@pytest.mark.parametrize(
    "filters", [{}, {"state": "undecided"}, {"category": "1"}, {"category": "1", "state": "settled"}]
)
def test_lists_of_clips(dataset: Dataset, filters: dict[str, str]) -> None:
    user = make_member(dataset, Role.CURATOR)
    _assert_quick(lambda: clip_page(user=user, dataset=dataset, roles={"curator"}, cursor="5", **filters))


def test_what_an_annotator_rated_is_not_gone_through_for_each_clip(dataset: Dataset) -> None:
    user = make_member(dataset, Role.ANNOTATOR)
    person = make_participant(dataset, user=user)
    find = {"user": user, "dataset": dataset, "roles": {"annotator"}, "cursor": "", "state": "settled"}
    with CaptureQueriesContext(connection) as captured:
        clip_page(**find, q=person.code)
    plans = _plans(captured)
    assert any("annotate_rating" in query["sql"] for query in captured)
    assert not [plan for plan in plans if "LIST SUBQUERY" in plan]


@pytest.mark.parametrize("filters", [{}, {"state": "undecided"}, {"q": "14"}])
def test_lists_of_submissions(dataset: Dataset, filters: dict[str, str]) -> None:
    user = make_member(dataset, Role.CURATOR)
    _assert_quick(lambda: submission_page(user=user, dataset=dataset, roles={"curator"}, cursor="5", **filters))


def test_lists_of_what_a_participant_sent(dataset: Dataset) -> None:
    user = make_member(dataset, Role.PARTICIPANT)
    make_participant(dataset, user=user)
    _assert_quick(lambda: clip_page(user=user, dataset=dataset, roles={"participant"}, cursor=""))
    _assert_quick(
        lambda: submission_page(user=user, dataset=dataset, roles={"participant"}, cursor="", state="accepted")
    )


def test_what_to_judge_next(dataset: Dataset) -> None:
    judge = make_participant(dataset)
    category = make_category(dataset)
    reads: list[QuerySet[Any]] = [
        open_submissions(dataset, judge),
        open_annotations(dataset, judge),
        open_annotations(dataset, judge, category),
    ]
    for rows in reads:
        _assert_quick(lambda rows=rows: list(rows[:3]))  # type: ignore[misc]


@pytest.mark.parametrize("name", ["clips", "submissions", "annotations", "votes", "ratings"])
@pytest.mark.parametrize("role", [Role.CURATOR, Role.ANNOTATOR])
def test_lists_of_the_api(dataset: Dataset, name: str, role: Role, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curation.selectors.reach.FEW", -1)  # as if there were many rows
    user = make_member(dataset, role)
    make_participant(dataset, user=user)
    client = APIClient()
    client.force_authenticate(user)
    met = role == Role.CURATOR and name in {"votes", "ratings"}
    _assert_quick(lambda: client.get(f"/api/{name}/?dataset={dataset.slug}"), met_on_the_way=met)
