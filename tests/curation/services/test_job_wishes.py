from __future__ import annotations

import uuid
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from curation.models import Job, JobState
from curation.services import job_leases
from curation.services.job_sweeper import sweep
from curation.services.jobs import (
    JobCancelledError,
    JobContext,
    JobFailedError,
    cancel,
    enqueue,
    run_here,
    run_job,
)
from tests.factories.jobs import Work, expire

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("work")]


def test_a_wish_during_the_run_lets_it_run_once_more(work: Work) -> None:
    job = enqueue(kind="work")
    work.during = lambda _: enqueue(kind="work", again=True)
    run_job(job_id=job.pk)
    job.refresh_from_db()
    assert (job.state, job.attempts) == (JobState.QUEUED, 0)
    work.during = None
    run_job(job_id=job.pk)
    job.refresh_from_db()
    assert (job.state, work.runs) == (JobState.DONE, 2)


def test_a_wish_during_a_run_that_fails_lets_it_run_once_more_and_no_further(
    work: Work, sent: list[uuid.UUID], django_capture_on_commit_callbacks: Any
) -> None:
    job = enqueue(kind="work")
    work.during = lambda _: enqueue(kind="work", again=True)
    work.error = JobFailedError("The file is empty. Send it again.")
    with django_capture_on_commit_callbacks(execute=True):
        run_job(job_id=job.pk)
    job.refresh_from_db()
    assert (job.state, job.attempts, job.run_again, job.finished_at, sent) == (
        JobState.QUEUED,
        0,
        False,
        None,
        [job.pk],
    )
    work.during = None
    assert run_job(job_id=job.pk) is True
    job.refresh_from_db()
    assert (job.state, job.error, work.runs) == (JobState.FAILED, "The file is empty. Send it again.", 2)


def test_a_wish_during_the_last_attempt_gives_the_job_all_its_attempts_again(work: Work) -> None:
    job = enqueue(kind="work")
    Job.objects.update(attempts=4)
    work.during = lambda _: enqueue(kind="work", again=True)
    work.error = OSError("disk full")
    run_job(job_id=job.pk)
    job.refresh_from_db()
    assert (job.state, job.attempts, job.run_again, job.available_at) == (JobState.QUEUED, 0, False, None)
    work.during = None
    for _ in range(5):
        Job.objects.update(available_at=None)
        assert run_job(job_id=job.pk) is True
    job.refresh_from_db()
    assert (job.state, work.runs) == (JobState.FAILED, 6)


def test_a_wish_outlives_a_command_that_is_interrupted(
    work: Work, sent: list[uuid.UUID], django_capture_on_commit_callbacks: Any
) -> None:
    work.during = lambda _: enqueue(kind="work", again=True)
    work.error = KeyboardInterrupt()
    with django_capture_on_commit_callbacks(execute=True), pytest.raises(KeyboardInterrupt):
        run_here(kind="work")
    job = Job.objects.get()
    assert (job.state, job.cancel_requested, job.run_again, sent) == (JobState.QUEUED, False, False, [job.pk])
    work.during = work.error = None
    assert run_job(job_id=job.pk) is True
    assert Job.objects.get().state == JobState.DONE


@pytest.mark.parametrize("again", [True, False])
@pytest.mark.parametrize("error", [JobCancelledError("asked to stop"), OSError("disk full"), SystemExit(), None])
def test_a_wish_after_the_cancel_counts(*, work: Work, error: BaseException | None, again: bool) -> None:
    def cancel_and_wish(context: JobContext) -> None:
        cancel(job=context.job)
        enqueue(kind="work", again=again)

    job = enqueue(kind="work")
    work.during, work.error = cancel_and_wish, error
    with suppress(SystemExit):
        run_job(job_id=job.pk)
    job.refresh_from_db()
    assert (job.state, job.attempts, job.cancel_requested) == (JobState.QUEUED, 0, False)
    work.during = work.error = None
    assert run_job(job_id=job.pk) is True
    job.refresh_from_db()
    assert job.state == JobState.DONE


def test_a_wish_before_the_cancel_is_taken_back_by_it(work: Work) -> None:
    def wish_and_cancel(context: JobContext) -> None:
        enqueue(kind="work", again=True)
        cancel(job=context.job)

    work.during, work.error = wish_and_cancel, JobCancelledError("asked to stop")
    job = enqueue(kind="work")
    run_job(job_id=job.pk)
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED


@pytest.mark.parametrize("error", [OSError("disk full"), SystemExit()])
def test_a_job_that_was_asked_to_stop_ends_however_its_run_ends(work: Work, error: BaseException) -> None:
    job = enqueue(kind="work")
    work.during, work.error = (lambda context: cancel(job=context.job)), error
    with suppress(SystemExit):
        run_job(job_id=job.pk)
    job.refresh_from_db()
    assert (job.state, job.lease_token) == (JobState.CANCELLED, None)
    assert job.finished_at is not None
    work.during = work.error = None
    assert run_here(kind="work") != job  # the key is free


def test_a_waiting_job_is_cancelled_at_once(work: Work) -> None:
    job = enqueue(kind="work")
    assert cancel(job=job) is True
    assert run_job(job_id=job.pk) is False
    job.refresh_from_db()
    assert (job.state, work.runs, cancel(job=job)) == (JobState.CANCELLED, 0, False)


def test_a_running_job_ends_as_cancelled_when_it_stops(work: Work) -> None:
    job = enqueue(kind="work")
    work.during = lambda context: cancel(job=context.job)
    work.error = JobCancelledError("asked to stop")  # as `progress` raises it once the heartbeat has seen the wish
    run_job(job_id=job.pk)
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED


@pytest.mark.parametrize(("attempts", "cancelled"), [(5, False), (1, True)])
def test_the_sweeper_keeps_a_wish_that_was_made_while_the_dead_worker_ran(
    *, sent: list[uuid.UUID], attempts: int, cancelled: bool
) -> None:
    job = enqueue(kind="work")
    assert job_leases.claim(job_id=job.pk)
    Job.objects.update(attempts=attempts, cancel_requested=cancelled, run_again=True)
    expire(job)
    assert (sweep().requeued, sent) == (1, [job.pk])
    job.refresh_from_db()
    assert (job.state, job.attempts, job.cancel_requested, job.run_again) == (JobState.QUEUED, 0, False, False)
    assert run_job(job_id=job.pk) is True


@pytest.mark.parametrize(("wished", "state"), [(False, JobState.CANCELLED), (True, JobState.QUEUED)])
def test_the_sweeper_ends_a_waiting_job_that_no_claim_takes(
    *, sent: list[uuid.UUID], wished: bool, state: JobState
) -> None:
    job = enqueue(kind="work")
    Job.objects.update(cancel_requested=True, run_again=wished, sent_at=timezone.now())
    assert run_job(job_id=job.pk) is False
    sweep()
    job.refresh_from_db()
    assert (job.state, job.finished_at is None) == (state, wished)
    assert sent == ([job.pk] if wished else [])


def test_a_command_takes_over_a_waiting_job_that_was_asked_to_stop() -> None:
    job = enqueue(kind="work")
    Job.objects.update(cancel_requested=True)
    assert run_here(kind="work") == job


@pytest.mark.parametrize(
    ("attempts", "cancelled", "state"),
    [(1, False, JobState.QUEUED), (5, False, JobState.FAILED), (1, True, JobState.CANCELLED)],
)
def test_the_sweeper_settles_abandoned_jobs(
    *, sent: list[uuid.UUID], attempts: int, cancelled: bool, state: JobState
) -> None:
    job = enqueue(kind="work")
    assert job_leases.claim(job_id=job.pk)
    Job.objects.update(attempts=attempts, cancel_requested=cancelled)
    assert sweep().sent == 0
    expire(job)
    sweep()
    job.refresh_from_db()
    assert (job.state, job.lease_token) == (state, None)
    assert f"stopped responding in attempt {attempts} of 5" in job.error
    assert sent == ([job.pk] if state == JobState.QUEUED else [])


def test_the_sweeper_sends_what_nobody_answered_and_nothing_twice(sent: list[uuid.UUID]) -> None:
    never, lost, fresh, later = (enqueue(kind="work", key=key) for key in ("never", "lost", "fresh", "later"))
    now = timezone.now()
    Job.objects.filter(pk=lost.pk).update(sent_at=now - timedelta(seconds=90))
    Job.objects.filter(pk=fresh.pk).update(sent_at=now - timedelta(seconds=5))
    Job.objects.filter(pk=later.pk).update(available_at=now + timedelta(seconds=30))
    assert (sweep().sent, sweep().sent) == (2, 0)
    assert sent == [never.pk, lost.pk]


def test_a_broker_that_is_away_leaves_jobs_unsent(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr("curation.services.job_messages.app.send_task", away)
    job = enqueue(kind="work")
    assert sweep().sent == 0
    job.refresh_from_db()
    assert (job.state, job.sent_at) == (JobState.QUEUED, None)
