"""Asking for the pages of a run, and giving a word on its labels."""

from __future__ import annotations

from typing import Any

from django.test import Client

from curation.models import User

PAGE = "/d/streets/verification/1/"


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def post(user: User, act: str, **wish: Any) -> list[str]:
    """Give a word; return the messages of the page that answers."""
    page = client_of(user).post(f"{PAGE}{act}/", wish, follow=True)
    assert page.status_code == 200
    return [str(message) for message in page.context["messages"]]
