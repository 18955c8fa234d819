"""Cursors, filters and addresses that no client of ours would send: 400 or 404, on either database."""

from __future__ import annotations

from base64 import b64encode

import pytest
from rest_framework.test import APIClient

from tests.factories.rows import make_dataset, make_user

pytestmark = pytest.mark.django_db

LISTS = (
    "datasets",
    "categories",
    "participants",
    "tasks",
    "submissions",
    "clips",
    "annotations",
    "splits",
    "split-assignments",
    "releases",
    "jobs",
    "votes",
    "ratings",
)
POSITIONS = ("abc", "\0", "9" * 40, "-1", "2026-11-21", "", "1.5", "\ud55c")


@pytest.fixture
def operator() -> APIClient:
    make_dataset("scenes")
    client = APIClient(raise_request_exception=True)
    client.force_authenticate(make_user(is_superuser=True))
    return client


@pytest.mark.parametrize("name", LISTS)
def test_forged_cursor_is_an_answer_and_no_failure(operator: APIClient, name: str) -> None:
    for position in POSITIONS:
        for query in (b"p=", b"r=1&p=", b"o=99999999999999999999&p=", b"o=x&p="):
            cursor = b64encode(query + position.encode()).decode()
            answer = operator.get(f"/api/{name}/", {"cursor": cursor})
            assert answer.status_code in {200, 400, 404}, (name, query, position)


@pytest.mark.parametrize("number", ["-1e99999999", "1e99999999", "1.5", "NaN", "-Infinity", "9" * 400])
@pytest.mark.parametrize(("name", "field"), [("split-assignments", "split"), ("splits", "number")])
def test_number_beyond_all_sense_finds_nothing(operator: APIClient, name: str, field: str, number: str) -> None:
    assert operator.get(f"/api/{name}/", {field: number}).status_code in {200, 400}


@pytest.mark.parametrize("name", ["datasets", "clips", "jobs", "votes", "releases"])
@pytest.mark.parametrize("key", ["a%00b", "%00", "9" * 40, "abc", "%F0%9F%8E%A7", "..", "%2e%2e"])
def test_address_of_nothing_is_not_found(operator: APIClient, name: str, key: str) -> None:
    assert operator.get(f"/api/{name}/{key}/").status_code == 404


@pytest.mark.parametrize("text", ["a\0b", "\u202e", "e\u0301", "x" * 5_000])
@pytest.mark.parametrize(("name", "field"), [("clips", "dataset"), ("clips", "category"), ("votes", "voter")])
def test_strange_text_in_a_filter_finds_nothing(operator: APIClient, name: str, field: str, text: str) -> None:
    answer = operator.get(f"/api/{name}/", {field: text})
    assert answer.status_code == 400 or answer.json()["results"] == []
