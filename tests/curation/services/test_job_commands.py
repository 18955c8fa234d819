from __future__ import annotations

import subprocess
from datetime import timedelta

import pytest
from django.utils import timezone

from curation.models import Job, JobState
from curation.services import job_leases
from curation.services.jobs import (
    JobBusyError,
    enqueue,
    run_here,
)
from tests.factories.jobs import Work

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("work")]


def test_a_command_runs_on_the_same_row() -> None:
    told: list[tuple[int, int | None]] = []
    job = run_here(kind="work", parameters={"a": 1}, progress=lambda done, total: told.append((done, total)))
    assert (job.state, job.parameters, job.result, told) == (JobState.DONE, {"a": 1}, {"runs": 1}, [(2, 3)])


def test_a_command_takes_over_a_waiting_job() -> None:
    waiting = enqueue(kind="work")
    assert run_here(kind="work") == waiting


def test_a_command_keeps_off_work_in_progress(work: Work) -> None:
    assert job_leases.claim(job_id=enqueue(kind="work").pk)
    with pytest.raises(JobBusyError, match="work is being done"):
        run_here(kind="work")
    assert work.runs == 0


def test_a_command_that_was_killed_can_be_run_again_at_once(work: Work) -> None:
    killed = subprocess.Popen(["/bin/true"])
    killed.wait()
    job = job_leases.claim(job_id=enqueue(kind="work").pk)
    assert job
    host = job_leases.worker_name().rpartition(":")[0]
    Job.objects.update(worker=f"{host}:{killed.pid}", attempts=job.max_attempts)
    assert run_here(kind="work") == job
    assert work.runs == 1


def test_a_command_says_who_does_the_work(work: Work) -> None:
    job = job_leases.claim(job_id=enqueue(kind="work").pk)
    assert job
    Job.objects.update(worker="elsewhere:7", progress_done=3, progress_total=9)
    with pytest.raises(JobBusyError, match=r"by elsewhere:7 since .* UTC: 3 of 9 done"):
        run_here(kind="work")
    Job.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1), attempts=job.max_attempts)
    assert run_here(kind="work") == job
    assert work.runs == 1


def test_a_command_may_do_the_work_its_own_way(work: Work) -> None:
    job = run_here(kind="work", work=lambda context: {"here": context.job.kind})
    assert (job.result, work.runs) == ({"here": "work"}, 0)


@pytest.mark.parametrize(
    ("error", "state"), [(OSError("disk full"), JobState.FAILED), (KeyboardInterrupt(), JobState.CANCELLED)]
)
def test_a_command_gets_the_error_itself(work: Work, error: BaseException, state: JobState) -> None:
    work.error = error
    with pytest.raises(type(error)):
        run_here(kind="work")
    assert Job.objects.get().state == state
