from __future__ import annotations

import pytest
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from tests.factories.rows import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> APIClient:
    client = APIClient()
    client.force_login(make_user())
    return client


def test_the_index_names_every_list_and_each_answers(client: APIClient) -> None:
    index = client.get("/api/").json()
    assert {"clips", "votes", "ratings", "jobs", "split-assignments", "schema"} <= set(index)
    for name, address in index.items():
        assert address.endswith(f"/api/{name}/")
        assert client.get(address).status_code == 200


def test_the_index_is_for_people_who_signed_in() -> None:
    assert APIClient().get("/api/").status_code == 401


@pytest.mark.parametrize("method", ["get", "post", "put", "delete", "options"])
@pytest.mark.parametrize("path", ["/api/nothing/", "/api/nothing", "/api/clips/1/nothing/", "/api/a%00b"])
def test_an_unknown_address_answers_in_json(client: APIClient, method: str, path: str) -> None:
    answer = getattr(client, method)(path)
    assert answer.status_code == 404
    assert "GET /api/" in answer.json()["detail"]


def test_readers_who_forget_the_slash_are_led_on_and_writers_told(client: APIClient) -> None:
    assert client.get("/api/clips?page_size=2").headers["Location"] == "/api/clips/?page_size=2"
    assert "slash" in client.post("/api/votes", {}, format="json").json()["detail"]


def test_the_word_before_a_token_is_named() -> None:
    token = Token.objects.create(user=make_user())
    answers = [APIClient().get("/api/", headers={"Authorization": f"{word} {token}"}) for word in ("Bearer", "Token")]
    assert [answer.status_code for answer in answers] == [401, 200]
    assert "Authorization: Token" in answers[0].json()["detail"]


def test_a_value_that_is_none_of_a_few_is_told_which(client: APIClient) -> None:
    answers = [client.get("/api/ratings/?presence=yes"), client.get("/api/submissions/?state=x")]
    answers.append(client.post("/api/ratings/", {"annotation_id": 1, "presence": "yes"}, format="json"))
    assert [answer.status_code for answer in answers] == [400, 400, 400]
    assert answers[0].json() == {"presence": ["yes is none of the choices: PP, PNP, NP, U."]} == answers[2].json()
