"""Pretrained trunks through the API: which there are, and runs that are started with them."""

from __future__ import annotations

from pathlib import Path

import pytest
from rest_framework.test import APIClient

from curation.models import Dataset, Role
from ml.services.trunk_files import file_digest
from tests.factories.rows import make_annotation, make_category, make_clip, make_dataset
from tests.factories.trunks import write_trunk
from tests.factories.verification_rows import settle
from tests.ml.api.clients import member_client, runs_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset() -> Dataset:
    dataset = make_dataset("scenes")
    for name in ("Noise", "Tone"):
        category = make_category(dataset, name)
        settle(make_annotation(make_clip(dataset), category))
        make_annotation(make_clip(dataset), category)
    return dataset


@pytest.fixture
def trunk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EARMARK_TRUNK_DIR", str(tmp_path))
    write_trunk(tmp_path / "silent.pt", description='{"sample_rate_hz": 8000}')
    return write_trunk(tmp_path / "levels.pt")


def test_trunks_are_listed_with_their_faults_to_those_who_run_the_dataset(dataset: Dataset, trunk: Path) -> None:
    address = f"/api/datasets/{dataset.slug}/verification-trunks/"
    engineer = member_client(dataset, Role.ENGINEER)
    levels, silent = engineer.get(address).json()
    assert levels == {"name": "levels.pt", "sample_rate_hz": 8_000, "window_s": 0.2, "hop_s": 0.2, "fault": ""}
    assert (silent["name"], silent["sample_rate_hz"]) == ("silent.pt", None)
    assert silent["fault"].startswith("silent.toml cannot be read: ")
    assert engineer.get(f"{address}?name=x").status_code == 400
    assert member_client(dataset, Role.ANNOTATOR).get(address).status_code == 404
    assert APIClient().get(address).status_code == 401
    assert trunk.exists()


def test_a_run_is_started_with_trunks_and_says_so(dataset: Dataset, trunk: Path) -> None:
    engineer = member_client(dataset, Role.ENGINEER)
    refused = engineer.post(runs_of(dataset), {"trunks": ["silent.pt"]}, format="json")
    assert (refused.status_code, refused.json()["reason"]) == (409, "unusable_trunk")
    assert engineer.post(runs_of(dataset), {"trunks": "levels.pt"}, format="json").status_code == 400
    assert engineer.post(runs_of(dataset), {"trunks": ["x"] * 9}, format="json").status_code == 400
    answer = engineer.post(runs_of(dataset), {"trunks": ["levels"]}, format="json")
    assert answer.status_code == 202
    (found,) = answer.json()["trunks"]
    assert found == {
        "name": "levels.pt",
        "digest": file_digest(trunk),
        "sample_rate_hz": 8_000,
        "window_s": 0.2,
        "hop_s": 0.2,
        "numbers": 0,
    }
