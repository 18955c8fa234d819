"""Workers are killed, stopped and confused; no work is lost, none is done twice."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.utils import timezone

from curation.celery import app
from curation.models import Job, JobState
from curation.services.job_messages import RUN_JOB

if TYPE_CHECKING:
    from tests.faults.conftest import Record, Workers

pytestmark = pytest.mark.faults
Ask = Callable[..., Job]
Ended = Callable[..., None]


def reached(record: Record, job: Job, units: int, *, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while len(record.effects(job)) < units:
        assert time.monotonic() < deadline, f"{units} units were not done in {seconds} s"
        time.sleep(0.02)


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def at_work(workers: Workers, *, seconds: float = 90.0) -> None:
    """Wait until a job is held whose worker may still be alive, or all have ended."""
    deadline = time.monotonic() + seconds
    while Job.objects.exclude(state=JobState.DONE).exists():
        if Job.objects.filter(state=JobState.RUNNING, lease_expires_at__gt=timezone.now()).exists():
            return
        assert time.monotonic() < deadline, workers.output()[-4000:]
        time.sleep(0.05)


def test_a_killed_worker_loses_nothing_and_repeats_nothing(
    workers: Workers, ask: Ask, ended: Ended, record: Record
) -> None:
    worker = workers.start()
    job = ask("units", units=6, unit_s=0.3)
    reached(record, job, 2)
    workers.kill(worker)
    workers.start()
    ended(job)
    assert (job.state, job.attempts) == (JobState.DONE, 2)
    assert record.effects(job) == list(range(6))
    assert record.overlaps(job) == []
    assert job.progress_done == 6


def test_many_kills_double_nothing_and_leave_nothing_stuck(
    workers: Workers, ask: Ask, ended: Ended, record: Record
) -> None:
    chance = random.Random(20181108)  # noqa: S311 -- a repeatable storm
    jobs = [ask("units", units=4, unit_s=0.25) for _ in range(24)]
    Job.objects.update(max_attempts=50)
    alive = [workers.start(), workers.start()]
    kills = 0
    while kills < 8 and Job.objects.exclude(state=JobState.DONE).exists():
        at_work(workers)  # a busy machine takes long to start them
        time.sleep(chance.uniform(0.0, 2.5))
        victim = chance.randrange(2)
        workers.kill(alive[victim])
        alive[victim] = workers.start()
        kills += 1
    ended(*jobs, seconds=240)
    assert {job.state for job in jobs} == {JobState.DONE}
    assert [record.effects(job) for job in jobs] == [list(range(4))] * 24
    assert [record.overlaps(job) for job in jobs] == [[]] * 24
    assert sum(job.attempts for job in jobs) > 24, f"none of {kills} kills met a job at work"


def test_a_lost_message_is_sent_again(workers: Workers, ask: Ask, ended: Ended, record: Record) -> None:
    job = ask("units", units=1, unit_s=0.0)
    with app.connection_for_write() as broker:
        assert broker.default_channel.queue_purge(settings.CELERY_TASK_DEFAULT_QUEUE) >= 1
    workers.start()
    ended(job)
    assert (job.state, record.effects(job)) == (JobState.DONE, [0])


def test_a_message_never_sent_is_sent_by_the_sweeper(
    workers: Workers, ask: Ask, ended: Ended, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ConnectionError("the broker is away")

    with monkeypatch.context() as patch:
        patch.setattr(app, "send_task", broken)
        job = ask("units", units=1, unit_s=0.0)
    job.refresh_from_db()
    assert job.sent_at is None
    workers.start()
    ended(job)
    assert job.state == JobState.DONE


def test_a_worker_that_wakes_after_its_lease_changes_nothing(
    workers: Workers, ask: Ask, ended: Ended, record: Record
) -> None:
    stalled = workers.start()
    job = ask("units", units=5, unit_s=0.4)
    reached(record, job, 2)
    workers.send(stalled, signal.SIGSTOP)
    job.refresh_from_db()
    first = job.lease_token
    workers.start()
    ended(job)
    result = job.result
    workers.send(stalled, signal.SIGCONT)
    deadline = time.monotonic() + 30
    while "belongs to another worker" not in workers.output():
        assert time.monotonic() < deadline, workers.output()[-4000:]
        time.sleep(0.1)
    job.refresh_from_db()
    assert (job.state, job.attempts, job.result) == (JobState.DONE, 2, result)
    assert first is not None
    assert record.effects(job) == list(range(5))


def test_duplicate_messages_run_a_job_once(workers: Workers, ask: Ask, ended: Ended, record: Record) -> None:
    job = ask("units", units=3, unit_s=0.2)
    for _ in range(10):
        app.send_task(RUN_JOB, args=[str(job.pk)], queue="default")
    workers.start()
    workers.start()
    ended(job)
    time.sleep(2)
    job.refresh_from_db()
    assert (job.attempts, record.effects(job), len(record.attempts(job))) == (1, [0, 1, 2], 1)


@pytest.mark.parametrize("kind", ["kill_worker", "kill_process"])
def test_a_job_that_kills_its_worker_fails_after_five_attempts(
    workers: Workers, ask: Ask, record: Record, kind: str
) -> None:
    workers.start()
    job, deadline = ask(kind), time.monotonic() + 180
    while job.state != JobState.FAILED:
        assert time.monotonic() < deadline, (job.state, job.attempts, workers.output()[-4000:])
        workers.revive()
        time.sleep(0.2)
        job.refresh_from_db()
    assert (job.attempts, len(record.attempts(job))) == (5, 5)
    assert "stopped responding in attempt 5 of 5" in job.error


def test_a_killed_process_that_waited_for_jobs_holds_up_none(
    workers: Workers, ask: Ask, ended: Ended, record: Record
) -> None:
    worker = workers.start()
    first = ask("units", units=1, unit_s=0.0)
    ended(first)
    [pool_process] = children_of(worker.pid)
    os.kill(pool_process, signal.SIGKILL)
    job, deadline = ask("units", units=1, unit_s=0.0), time.monotonic() + 90
    while job.state != JobState.DONE:
        assert time.monotonic() < deadline, (job.state, job.attempts, workers.output()[-4000:])
        workers.revive()  # as `serve` does
        time.sleep(0.2)
        job.refresh_from_db()
    assert record.effects(job) == [0]


def test_a_passing_error_is_tried_again_and_a_lasting_one_is_not(workers: Workers, ask: Ask, ended: Ended) -> None:
    workers.start()
    passing, hopeless, lasting = ask("stumble", works_in=3), ask("stumble", works_in=9), ask("stumble", permanent=True)
    Job.objects.filter(pk=hopeless.pk).update(max_attempts=2)
    ended(passing, hopeless, lasting)
    assert (passing.state, passing.attempts, passing.error) == (JobState.DONE, 3, "")
    assert (hopeless.state, hopeless.attempts, hopeless.error) == (
        JobState.FAILED,
        2,
        "RuntimeError: no luck in attempt 2",
    )
    assert (lasting.state, lasting.attempts, lasting.error) == (JobState.FAILED, 1, "this never works")


def test_a_job_may_start_processes_of_its_own(workers: Workers, ask: Ask, ended: Ended) -> None:
    workers.start()
    job = ask("share_out")
    ended(job)
    assert (job.state, job.result) == (JobState.DONE, {"lengths": [1, 2]})


def test_a_worker_that_is_stopped_in_order_puts_its_job_back(
    workers: Workers, ask: Ask, ended: Ended, record: Record
) -> None:
    worker = workers.start()
    job = ask("units", units=8, unit_s=0.3)
    reached(record, job, 1)
    worker.send_signal(signal.SIGQUIT)
    worker.wait(timeout=30)
    job.refresh_from_db()
    assert (job.state, job.attempts) == (JobState.QUEUED, 0), workers.output()[-4000:]
    workers.start()
    ended(job)
    assert (job.state, job.attempts, record.effects(job)) == (JobState.DONE, 1, list(range(8)))
