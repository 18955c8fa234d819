"""A worker that imports is killed, or asked to stop: what it stored stays, and nothing is stored twice."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pytest_django import Settings

from curation.models import CandidateAnnotation, Clip, Job, JobState
from curation.registry import job_kinds
from curation.services.job_requests import ask_for_job
from curation.services.jobs import cancel
from tests.factories.audio import noise, write_audio
from tests.factories.manifests import write_manifest
from tests.factories.rows import make_category, make_dataset, make_user

if TYPE_CHECKING:
    from tests.faults.conftest import Workers

pytestmark = pytest.mark.faults
Ended = Callable[..., None]
RATE_HZ = 8_000
CLIPS, LABELS, BATCH = 600, 2, 100


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Path:
    """Return a folder of imports that this process and its workers share, with a manifest of two labels a clip."""
    folder = tmp_path / "imports"
    rows = []
    for number in range(CLIPS):
        write_audio(folder / f"{number}.wav", noise(4_000, seed=number), RATE_HZ)
        rows += [
            {"path": f"{number}.wav", "label": label, "verified": "0", "group": f"user{number % 7:04d}"}
            for label in ("Bark", "Meow")
        ]
    write_manifest(folder / "clips.csv", rows)
    monkeypatch.setenv("EARMARK_IMPORT_DIR", str(folder))
    settings.ENV = replace(settings.ENV, import_dir=folder)
    return folder


@pytest.fixture
def wish(folder: Path, rows: None) -> Callable[[], Job]:  # noqa: ARG001 -- both must be there before
    dataset, curator = make_dataset("dogs", sample_rate_hz=RATE_HZ), make_user()
    for name in ("Bark", "Meow"):
        make_category(dataset, name)
    return lambda: ask_for_job(
        kind=job_kinds["import-clips"], dataset=dataset, said={"manifest": "clips.csv"}, created_by=curator
    )


def stored(workers: Workers, *, labels: int, seconds: float = 60.0) -> None:
    """Wait until so many rows are stored."""
    deadline = time.monotonic() + seconds
    while CandidateAnnotation.objects.count() < labels:
        assert time.monotonic() < deadline, workers.output()[-4000:]
        time.sleep(0.02)


def all_is_there_once() -> None:
    assert (Clip.objects.count(), CandidateAnnotation.objects.count()) == (CLIPS, LABELS * CLIPS)
    assert set(Counter(Clip.objects.values_list("original_sha256", flat=True)).values()) == {1}


def test_a_killed_import_is_ended_by_another_worker_and_stores_nothing_twice(
    folder: Path, wish: Callable[[], Job], workers: Workers, ended: Ended
) -> None:
    worker = workers.start()
    job = wish()
    stored(workers, labels=2 * BATCH)
    workers.kill(worker)
    before = CandidateAnnotation.objects.count()
    assert 2 * BATCH <= before < LABELS * CLIPS
    assert before % BATCH == 0  # a batch is stored whole
    workers.start()
    ended(job)
    assert (job.state, job.attempts, job.error) == (JobState.DONE, 2, "")
    assert (job.result["known"], job.result["stored"]) == (before, LABELS * CLIPS - before)
    assert not (folder / "clips.refused.csv").exists()
    all_is_there_once()


def test_an_import_is_stopped_between_batches_and_the_next_one_does_the_rest(
    wish: Callable[[], Job], workers: Workers, ended: Ended
) -> None:
    workers.start()
    job = wish()
    stored(workers, labels=BATCH)
    assert cancel(job=job)
    ended(job)
    assert job.state == JobState.CANCELLED
    before = CandidateAnnotation.objects.count()
    assert BATCH <= before < LABELS * CLIPS
    again = wish()
    ended(again)
    assert again.pk != job.pk
    assert (again.state, again.result["known"]) == (JobState.DONE, before)
    all_is_there_once()
