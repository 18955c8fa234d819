"""People of a dataset as programs meet the server."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from curation.models import Dataset, Role, User
from tests.factories.rows import make_member


def client_of(user: User) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {Token.objects.get_or_create(user=user)[0].key}")
    return client


def member_client(dataset: Dataset, role: Role) -> APIClient:
    return client_of(make_member(dataset, role))


def runs_of(dataset: Dataset, rest: str = "") -> str:
    """Return an address below the runs of a dataset."""
    return f"/api/datasets/{dataset.slug}/verification-runs/{rest}"


def counted(client: APIClient, address: str) -> tuple[int, Any]:
    """Return how many queries an address takes, and what it answers."""
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(address)
    assert answer.status_code == 200, answer.content
    return len(captured), answer.json()


def every_page(client: APIClient, address: str | None, turn: str = "next") -> list[list[dict[str, Any]]]:
    """Follow the links of a list; return its pages."""
    pages = []
    while address:
        answer = client.get(address).json()
        pages.append(answer["results"])
        address = answer[turn]
        assert len(pages) < 100, "the pages go round in a circle"
    return pages
