"""The API's description: valid OpenAPI 3, no warnings, no way in without signing in."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from django.core.management import call_command
from rest_framework.test import APIClient


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, dict[str, dict[str, object]]]]:
    path = tmp_path_factory.mktemp("schema") / "openapi.yaml"
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(path))
    return yaml.safe_load(Path(path).read_text(encoding="utf-8"))


def test_schema_is_openapi_3(schema: dict[str, str]) -> None:
    assert schema["openapi"].startswith("3.")


@pytest.mark.django_db
def test_every_operation_refuses_the_anonymous(
    schema: dict[str, dict[str, dict[str, dict[str, object]]]],
) -> None:
    checked = 0
    for path, operations in schema["paths"].items():
        address = path.replace("{id}", "00000000-0000-0000-0000-000000000001" if "/jobs/" in path else "1")
        address = address.replace("{slug}", "none").replace("{number}", "1")
        for method in operations:
            answer = getattr(APIClient(), method)(address, {}, format="json")
            assert answer.status_code == 401, (method, path, answer.status_code)
            checked += 1
    assert checked > 20
