"""The ways in: one form for everybody, counted across processes and by the client's own address."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client, override_settings

from curation.models import CacheEntry
from tests.factories.rows import PASSWORD, make_user

pytestmark = pytest.mark.django_db


def sign_in(client: Client, email: str, password: str, **headers: str) -> int:
    answer = client.post("/accounts/login/", {"login": email, "password": password}, headers=headers or None)
    return answer.status_code


def test_operators_pages_have_no_form_of_their_own(client: Client) -> None:
    operator = make_user(is_staff=True, is_superuser=True)
    answer = client.post("/operator/login/?next=/operator/", {"username": operator.email, "password": PASSWORD})
    assert answer.status_code == 302
    assert answer["Location"] == "/accounts/login/?next=%2Foperator%2F"
    assert "_auth_user_id" not in client.session
    client.force_login(make_user())
    assert client.get("/operator/login/").status_code == 403


def test_attempts_are_counted_in_the_database(client: Client) -> None:
    user = make_user()
    answers = [sign_in(client, user.email, "wrong") for _ in range(12)]
    assert CacheEntry.objects.exists()
    assert answers[0] == 200
    assert sign_in(client, user.email, PASSWORD) != 302
    cache.clear()
    assert sign_in(client, user.email, PASSWORD) == 302


@override_settings(ALLAUTH_TRUSTED_PROXY_COUNT=1)
def test_behind_a_proxy_nobody_is_locked_out_by_anothers_attempts(client: Client) -> None:
    user = make_user()
    for number in range(12):  # what the client itself claims stands on the left
        sign_in(client, f"guess{number}@example.org", "wrong", **{"X-Forwarded-For": f"192.0.2.{number}, 198.51.100.7"})
    right = {"X-Forwarded-For": "203.0.113.9"}
    assert sign_in(client, user.email, PASSWORD, **{"X-Forwarded-For": "198.51.100.7"}) != 302
    assert sign_in(client, user.email, PASSWORD, **right) == 302


def test_letter_with_a_new_password_is_sent(client: Client) -> None:
    user = make_user()
    assert client.post("/accounts/password/reset/", {"email": user.email}).status_code == 302
    assert [letter.to for letter in mail.outbox] == [[user.email]]


def test_server_with_https_passes_djangos_own_checks(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=Path(__file__).parents[2],
        env={"EARMARK_DATA_DIR": str(tmp_path), "EARMARK_HTTPS": "1", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
