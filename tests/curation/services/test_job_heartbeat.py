from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from django.db import connection, transaction
from pytest_django import Settings

from curation.models import Job, JobState
from curation.registry import JobKind, Registry, job_kinds
from curation.services.jobs import JobContext, cancel, enqueue, run_job

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Callable[[Callable[[JobContext], None]], Job]:
    """Return a function that runs other functions as jobs with a lease of one second."""
    settings.JOB_LEASE_S = 1.0

    def run_as_job(function: Callable[[JobContext], None]) -> Job:
        kinds: Registry[JobKind] = Registry()
        kinds.register(JobKind(name="beat", run=lambda context: function(context) or {}))
        monkeypatch.setattr(job_kinds, "_entries", kinds._entries)
        job = enqueue(kind="beat")
        run_job(job_id=job.pk)
        job.refresh_from_db()
        return job

    return run_as_job


def test_long_work_keeps_its_lease(run: Callable[..., Job]) -> None:
    seen: list[bool] = []

    def work(context: JobContext) -> None:
        time.sleep(2.2)
        row = Job.objects.get(pk=context.job.pk)
        seen.append(row.lease_expires_at > context.job.lease_expires_at)

    assert (run(work).state, seen) == (JobState.DONE, [True])


def test_progress_is_stored_while_the_work_goes_on(run: Callable[..., Job]) -> None:
    seen: list[int] = []

    def work(context: JobContext) -> None:
        for done in range(1, 100):
            context.progress(done, 100)
            time.sleep(0.1)
            seen.append(Job.objects.get(pk=context.job.pk).progress_done)
            if seen[-1]:
                return

    run(work)
    assert 0 < seen[-1] <= len(seen)


def test_a_running_job_stops_soon_after_it_is_cancelled(run: Callable[..., Job]) -> None:
    def work(context: JobContext) -> None:
        cancel(job=context.job)
        for done in range(100):
            context.progress(done, 100)
            time.sleep(0.1)

    job = run(work)
    assert job.state == JobState.CANCELLED
    assert job.progress_done < 99


def test_work_inside_a_transaction_of_the_caller_needs_no_heartbeat(run: Callable[..., Job]) -> None:
    with transaction.atomic():
        job = run(lambda context: context.progress(1, 1))
    assert (job.state, connection.in_atomic_block) == (JobState.DONE, False)
