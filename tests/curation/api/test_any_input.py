"""No input makes the API fail: every operation is called with what schemathesis draws from the schema."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, settings
from rest_framework.authtoken.models import Token
from schemathesis.checks import not_a_server_error

from curation.models import Role
from curation.wsgi import application
from tests.factories.rows import make_annotation, make_clip, make_dataset, make_member, make_submission, make_user

schema = schemathesis.openapi.from_wsgi("/api/schema/", application)


@pytest.fixture(autouse=True)
def _one_connection() -> Iterator[None]:
    """Let requests leave the test's connection open, as Django's own test client does."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def token() -> str:
    dataset = make_dataset()
    make_submission(dataset)
    make_annotation(make_clip(dataset))
    operator = make_user(is_superuser=True)
    make_member(dataset, Role.CURATOR, operator)
    return str(Token.objects.create(user=operator).key)


@pytest.mark.django_db
@schema.parametrize()
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_no_operation_fails(case: schemathesis.Case, token: str) -> None:
    case.call_and_validate(headers={"Authorization": f"Token {token}"}, checks=(not_a_server_error,))
