"""The page on which a person draws a token."""

from __future__ import annotations

import pytest
from django.test import Client
from rest_framework.authtoken.models import Token

from tests.factories.rows import make_user

pytestmark = pytest.mark.django_db


def test_drawn_token_opens_the_api_and_is_shown_once(client: Client) -> None:
    user = make_user()
    client.force_login(user)
    page = client.post("/token/", {"act": "draw"})
    key = Token.objects.get(user=user).key
    assert key in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    assert key not in client.get("/token/").content.decode()
    assert Client().get("/api/datasets/", HTTP_AUTHORIZATION=f"Token {key}").status_code == 200


def test_new_token_ends_the_old_one(client: Client) -> None:
    user = make_user()
    client.force_login(user)
    client.post("/token/", {"act": "draw"})
    old = Token.objects.get(user=user).key
    client.post("/token/", {"act": "draw"})
    assert Client().get("/api/datasets/", HTTP_AUTHORIZATION=f"Token {old}").status_code == 401


def test_revoked_token_opens_nothing(client: Client) -> None:
    user = make_user()
    client.force_login(user)
    client.post("/token/", {"act": "draw"})
    key = Token.objects.get(user=user).key
    client.post("/token/", {"act": "revoke"})
    assert Client().get("/api/datasets/", HTTP_AUTHORIZATION=f"Token {key}").status_code == 401


def test_strangers_are_sent_to_sign_in(client: Client) -> None:
    assert client.get("/token/")["Location"].startswith("/accounts/login/")
