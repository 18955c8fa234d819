from __future__ import annotations

import subprocess
import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from curation.models import Job, JobState
from curation.registry import JobKind, Registry, job_kinds
from curation.services import job_leases
from curation.services.job_sweeper import sweep
from curation.services.jobs import (
    JobBusyError,
    JobCancelledError,
    JobContext,
    JobFailedError,
    LeaseLostError,
    cancel,
    enqueue,
    run_here,
    run_job,
)
from tests.factories.rows import make_dataset

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("work")]


class Work:
    """A kind of work that does what the test tells it."""

    def __init__(self) -> None:
        self.runs = 0
        self.error: BaseException | None = None
        self.during: Any = None

    def __call__(self, context: JobContext) -> dict[str, Any]:
        self.runs += 1
        if self.during:
            self.during(context)
        context.progress(2, 3)
        if self.error:
            raise self.error
        return {"runs": self.runs}


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Iterator[Work]:
    kinds: Registry[JobKind] = Registry()
    work = Work()
    kinds.register(JobKind(name="work", run=work))
    monkeypatch.setattr(job_kinds, "_entries", kinds._entries)
    return work


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[uuid.UUID]:
    """Return the jobs for which a message went out; no broker is needed to say so."""
    jobs: list[uuid.UUID] = []

    def publish(job_id: uuid.UUID, queue: str) -> bool:
        assert queue == "default"
        jobs.append(job_id)
        return True

    monkeypatch.setattr("curation.services.job_messages._publish", publish)
    return jobs


def expire(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))


def test_the_message_waits_for_the_commit(sent: list[uuid.UUID], django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        job = enqueue(kind="work")
        assert sent == []
    assert sent == [job.pk]


@pytest.mark.django_db(transaction=True)
def test_a_wish_whose_transaction_fails_is_none(sent: list[uuid.UUID]) -> None:
    def wish_and_fail() -> None:
        with transaction.atomic():
            enqueue(kind="work")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        wish_and_fail()
    assert (sent, Job.objects.count()) == ([], 0)


def test_two_active_wishes_of_one_key_are_one_job() -> None:
    dataset = make_dataset()
    assert enqueue(kind="work", dataset=dataset) == enqueue(kind="work", dataset=dataset)
    assert enqueue(kind="work", dataset=dataset) != enqueue(kind="work", dataset=make_dataset())
    assert enqueue(kind="work", dataset=dataset) != enqueue(kind="work", dataset=dataset, key="other")


def test_a_finished_job_does_not_stand_for_a_new_wish() -> None:
    first = enqueue(kind="work")
    run_job(job_id=first.pk)
    assert enqueue(kind="work") != first


def test_an_unknown_kind_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"'play'\. Known: work"):
        enqueue(kind="play")


def test_a_job_runs_once_however_often_it_is_named() -> None:
    job = enqueue(kind="work")
    assert [run_job(job_id=job.pk) for _ in range(3)] == [True, False, False]
    job.refresh_from_db()
    assert (job.state, job.attempts, job.result, job.progress_done, job.progress_total) == (
        JobState.DONE,
        1,
        {"runs": 1},
        2,
        3,
    )
    assert job.lease_token is None
    assert job.finished_at is not None


def test_a_job_that_is_gone_is_no_error() -> None:
    assert run_job(job_id=uuid.uuid4()) is False


def test_a_held_job_is_not_taken_and_an_abandoned_one_is() -> None:
    job = enqueue(kind="work")
    first = job_leases.claim(job_id=job.pk)
    assert first is not None
    assert job_leases.claim(job_id=job.pk) is None
    expire(job)
    second = job_leases.claim(job_id=job.pk)
    assert second is not None
    assert (second.attempts, second.lease_token != first.lease_token) == (2, True)


def test_every_write_of_an_older_token_is_refused() -> None:
    job = enqueue(kind="work")
    first = job_leases.claim(job_id=job.pk)
    assert first is not None
    expire(job)
    assert job_leases.claim(job_id=job.pk) is not None
    before = Job.objects.filter(pk=job.pk).values().get()
    old = job_leases.lease_of(first)
    writes = [
        lambda: job_leases.renew(lease=old, done=9, total=9),
        lambda: job_leases.write_checkpoint(lease=old, document={"next": 9}),
        lambda: job_leases.finish(lease=old, result={}, done=9, total=9),
        lambda: job_leases.fail(lease=old, error="late"),
        lambda: job_leases.put_off(lease=old, error="late", attempts=1),
        lambda: job_leases.give_back(lease=old),
        lambda: job_leases.end_cancelled(lease=old),
    ]
    for write in writes:
        with pytest.raises(LeaseLostError):
            write()
    assert Job.objects.filter(pk=job.pk).values().get() == before


def test_a_checkpoint_that_is_refused_undoes_its_unit(work: Work) -> None:
    def lose_the_job_within_a_unit(context: JobContext) -> None:
        expire(context.job)
        assert job_leases.claim(job_id=context.job.pk)
        with transaction.atomic():
            make_dataset("half-done")
            context.checkpoint({"next": 1})

    work.during = lose_the_job_within_a_unit
    job = enqueue(kind="work")
    assert run_job(job_id=job.pk) is True
    job.refresh_from_db()
    assert (job.state, job.checkpoint) == (JobState.RUNNING, {})
    assert enqueue(kind="work", dataset=make_dataset("half-done"))  # the slug is free


def test_a_later_attempt_finds_the_checkpoint(work: Work) -> None:
    job = enqueue(kind="work")
    work.during = lambda context: context.checkpoint({"next": 4})
    work.error = OSError("disk full")
    run_job(job_id=job.pk)
    seen = []
    work.during, work.error = (lambda context: seen.append(context.job.checkpoint)), None
    Job.objects.update(available_at=None)
    run_job(job_id=job.pk)
    assert seen == [{"next": 4}]


def test_a_passing_error_waits_longer_each_time_and_ends_after_five(work: Work) -> None:
    job = enqueue(kind="work")
    work.error = OSError("disk full")
    waits = []
    for _ in range(5):
        assert run_job(job_id=job.pk) is True
        assert run_job(job_id=job.pk) is False  # not yet
        job.refresh_from_db()
        if job.available_at:
            waits.append(round((job.available_at - timezone.now()).total_seconds(), -1))
        Job.objects.update(available_at=None)
    assert waits == [10, 40, 160, 640]
    assert (job.state, job.attempts, job.error) == (JobState.FAILED, 5, "OSError: disk full")


def test_a_lasting_error_is_not_tried_again(work: Work) -> None:
    job = enqueue(kind="work")
    work.error = JobFailedError("The file is empty. Send it again.")
    run_job(job_id=job.pk)
    job.refresh_from_db()
    assert (job.state, job.attempts, job.error) == (JobState.FAILED, 1, "The file is empty. Send it again.")


def test_a_stopped_worker_puts_its_job_back_without_counting(work: Work) -> None:
    job = enqueue(kind="work")
    work.error = SystemExit()
    with pytest.raises(SystemExit):
        run_job(job_id=job.pk)
    job.refresh_from_db()
    assert (job.state, job.attempts, job.lease_token) == (JobState.QUEUED, 0, None)


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


def test_a_kind_this_worker_does_not_know_fails_with_the_reason() -> None:
    job = enqueue(kind="work")
    Job.objects.update(kind="newer")
    run_job(job_id=job.pk)
    job.refresh_from_db()
    assert (job.state, "no job kind 'newer'" in job.error) == (JobState.FAILED, True)
