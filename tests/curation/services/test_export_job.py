"""Exporting as a job."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from curation.exports.errors import ExportError
from curation.models import Dataset, Job, JobState
from curation.services.export_job import EXPORT, export_here
from curation.services.jobs import enqueue, run_job
from tests.factories.pipeline_files import write_pipeline_files
from tests.factories.rows import make_dataset

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def tiny(tmp_path: Path) -> Dataset:
    """A dataset that has gone through the pipeline."""
    call_command("pipeline", str(write_pipeline_files(tmp_path)))
    return Dataset.objects.get(slug="tiny")


def test_an_export_by_command_is_a_finished_job(tiny: Dataset, tmp_path: Path) -> None:
    call_command("export", "--dataset", "tiny", "--out", str(tmp_path / "again.zip"))
    job = Job.objects.filter(kind=EXPORT).latest("created_at")
    assert (job.state, job.progress_done, job.result["clips"]) == (JobState.DONE, 26, 26)
    assert job.result["target"] == str(tmp_path / "again.zip")
    assert job.dataset == tiny


def test_a_worker_makes_the_same_export(tiny: Dataset, tmp_path: Path) -> None:
    export_here(dataset=tiny, target=tmp_path / "here.zip")
    job = enqueue(
        kind=EXPORT, dataset=tiny, parameters={"target": str(tmp_path / "worker.zip"), "split": None, "version": ""}
    )
    run_job(job_id=job.pk)
    job.refresh_from_db()
    assert job.state == JobState.DONE, job.error
    assert (tmp_path / "worker.zip").read_bytes() == (tmp_path / "here.zip").read_bytes()


def test_an_export_that_cannot_be_made_fails_once(tmp_path: Path) -> None:
    dataset = make_dataset()
    with pytest.raises(ExportError):
        export_here(dataset=dataset, target=tmp_path / "empty.zip")
    job = enqueue(
        kind=EXPORT, dataset=dataset, parameters={"target": str(tmp_path / "empty.zip"), "split": None, "version": ""}
    )
    run_job(job_id=job.pk)
    job.refresh_from_db()
    assert (job.state, job.attempts) == (JobState.FAILED, 1)
    assert "split" in job.error or "clip" in job.error
    assert not list(tmp_path.iterdir())


def test_a_second_export_of_the_same_name_is_told_who_is_at_it(tiny: Dataset, tmp_path: Path) -> None:
    target = tmp_path / "busy.zip"
    errors: list[CommandError] = []

    def meddle(done: int, total: int | None) -> None:  # noqa: ARG001 -- how progress is told
        if not errors:
            with pytest.raises(CommandError, match="export is being done by") as caught:
                call_command("export", "--dataset", "tiny", "--out", str(target))
            errors.append(caught.value)

    export_here(dataset=tiny, target=target, progress=meddle)
    assert [error.returncode for error in errors] == [2]
    assert target.exists()


def test_two_long_names_with_one_ending_are_two_jobs(tiny: Dataset, tmp_path: Path) -> None:
    ending = Path("x" * 128) / "out.zip"
    first, second = (tmp_path / name / ending for name in ("first", "second"))
    for target in (first, second):
        target.parent.mkdir(parents=True)

    def meddle(done: int, total: int | None) -> None:  # noqa: ARG001 -- how progress is told
        if not second.exists():
            export_here(dataset=tiny, target=second)

    export_here(dataset=tiny, target=first, progress=meddle)
    assert first.read_bytes() == second.read_bytes()
