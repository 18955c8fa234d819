from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from curation.models import Job, JobState
from curation.services import job_leases
from curation.services.jobs import (
    JobContext,
    JobFailedError,
    LeaseLostError,
    enqueue,
    run_job,
)
from tests.factories.jobs import Work, expire
from tests.factories.rows import make_dataset

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("work")]


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


def test_a_kind_this_worker_does_not_know_fails_with_the_reason() -> None:
    job = enqueue(kind="work")
    Job.objects.update(kind="newer")
    run_job(job_id=job.pk)
    job.refresh_from_db()
    assert (job.state, "no job kind 'newer'" in job.error) == (JobState.FAILED, True)
