"""Importing by the API: a job reads what lies in the operator's folder, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from curation.models import Clip, Dataset, Job, JobState, Role, User
from curation.services.jobs import run_job
from tests.factories.audio import noise, write_audio
from tests.factories.rows import make_dataset, make_member

pytestmark = pytest.mark.django_db

MANIFEST = "path,label,verified,group\nrecordings/a.wav,Bark,0,user0001\nrecordings/b.wav,Moo,0,user0002\n"


@pytest.fixture
def folder(tmp_path: Path, settings: Settings) -> Path:
    folder = tmp_path / "imports"
    settings.ENV = replace(settings.ENV, import_dir=folder)
    for seed, name in enumerate("ab"):
        write_audio(folder / "dogs" / "recordings" / f"{name}.wav", noise(8_000, seed=seed), 8_000)
    (folder / "dogs" / "clips.csv").write_text(MANIFEST, encoding="utf-8")
    (folder / "dogs" / "taxonomy.csv").write_text("id,name,parents,description\nb,Bark,,\n", encoding="utf-8")
    return folder


@pytest.fixture
def dataset() -> Dataset:
    return make_dataset("dogs", sample_rate_hz=8_000)


@pytest.fixture
def curator(dataset: Dataset) -> User:
    return make_member(dataset, Role.CURATOR)


@pytest.fixture
def client(curator: User) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {Token.objects.create(user=curator).key}")
    return client


def wish(**said: str) -> dict[str, str]:
    return {"kind": "import-clips", "dataset": "dogs", **said}


def test_categories_and_clips_come_in_by_jobs(client: APIClient, folder: Path, curator: User) -> None:
    wishes = (
        {"kind": "import-taxonomy", "dataset": "dogs", "file": "dogs/taxonomy.csv"},
        wish(manifest="dogs/clips.csv", audio_root="dogs"),
    )
    for body in wishes:
        answer = client.post("/api/jobs/", body, format="json")
        assert answer.status_code == 202, answer.content
        assert Job.objects.get(pk=answer.json()["id"]).created_by == curator
        run_job(job_id=answer.json()["id"])
    job = client.get(f"/api/jobs/{answer.json()['id']}/").json()
    assert (job["state"], job["progress_done"], job["progress_total"]) == ("done", 3, 3)
    assert {name: job["result"][name] for name in ("file", "stored", "known", "refused", "refused_list")} == {
        "file": "dogs/clips.csv",
        "stored": 1,
        "known": 0,
        "refused": 1,
        "refused_list": "dogs/clips.refused.csv",
    }
    assert [(one["line"], one["reason"]) for one in job["result"]["refusals"]] == [(3, "unknown_category")]
    assert list(Clip.objects.values_list("name", flat=True)) == ["recordings/a.wav"]
    assert (folder / "dogs" / "clips.refused.csv").is_file()


@pytest.mark.parametrize(
    ("said", "field", "detail"),
    [
        ({"manifest": "../clips.csv"}, "manifest", "leads out of the folder of imports"),
        ({"manifest": "/etc/passwd"}, "manifest", "leads out of the folder of imports"),
        ({"manifest": "dogs/link.csv"}, "manifest", "leads out of the folder of imports"),
        ({"manifest": "dogs/clips.csv", "audio_root": "../"}, "audio_root", "leads out of the folder of imports"),
        ({"manifest": "dogs/clips.csv", "audio_root": "cats"}, "audio_root", "ask the operator to put it there"),
        ({"manifest": "dogs/none.csv"}, "manifest", "ask the operator to put it there"),
        ({"manifest": "dogs/clips.csv\0"}, "manifest", "Null characters"),
        ({"manifest": "x" * 1_001}, "manifest", "1000"),
        ({}, "manifest", "import-clips needs it."),
        ({"manifest": ""}, "manifest", "blank"),
        ({"manifest": "dogs/clips.csv", "file": "dogs/clips.csv"}, "file", "It takes: manifest, audio_root."),
        ({"manifest": "dogs/clips.csv", "audioroot": "dogs"}, "audioroot", "no such field"),
    ],
)
def test_a_wish_that_cannot_be_met_is_refused_with_place_and_remedy(
    client: APIClient, folder: Path, said: dict[str, str], field: str, detail: str
) -> None:
    (folder / "dogs" / "link.csv").symlink_to("/etc/passwd")
    answer = client.post("/api/jobs/", wish(**said), format="json")
    assert answer.status_code == 400
    assert list(answer.json()) == [field]
    assert detail in answer.json()[field][0]
    assert not Job.objects.exists()


def test_asking_twice_gives_one_job_and_asking_otherwise_meanwhile_conflicts(client: APIClient, folder: Path) -> None:
    first = client.post("/api/jobs/", wish(manifest="dogs/clips.csv"), format="json")
    second = client.post("/api/jobs/", wish(manifest="dogs/clips.csv", audio_root="dogs"), format="json")
    other = client.post("/api/jobs/", wish(manifest="dogs/clips.csv", audio_root="dogs/recordings"), format="json")
    assert first.json()["id"] == second.json()["id"]
    assert (other.status_code, other.json()["reason"]) == (409, "already_running")
    assert Job.objects.get().parameters == {"manifest": "dogs/clips.csv", "audio_root": "dogs"}
    assert (folder / "dogs").is_dir()


def test_the_page_of_jobs_names_imports_in_the_readers_language(curator: User, dataset: Dataset) -> None:
    for number, kind in enumerate(("import-clips", "import-taxonomy")):
        Job.objects.create(kind=kind, dataset=dataset, key=str(number), state=JobState.DONE)
    page = Client()
    page.force_login(curator)
    for language, names in (
        ("en", ("import clips", "import categories")),
        ("ko", ("클립 가져오기", "범주 가져오기")),
    ):
        text = page.get("/d/dogs/jobs/", headers={"accept-language": language}).content.decode()
        assert all(name in text for name in names), language
