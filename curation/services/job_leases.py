"""Holding a job: an atomic claim, and writes that only the holder can make.

A claim is one conditional UPDATE: of any number of workers that try at once, one changes the row. It
draws a fencing token, and every later write names it, so that a worker that was taken for dead changes
nothing when it wakes. Times are the database's, so that machines need not agree on the hour.

A job may be wished again while it runs. That mark outlives every end: the job is queued anew, once for all wishes of
that run. Asking a job to stop takes earlier wishes back, so that a mark beside it is of a later wish and counts.
"""

from __future__ import annotations

import os
import socket
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Case, F, Q, QuerySet, When
from django.db.models.functions import Now

from curation.models import Job, JobState

MAX_BACKOFF_S = 3_600.0
MAX_ERROR_CHARS = 4_000

_NO_LEASE: dict[str, Any] = {"lease_token": None, "lease_expires_at": None, "sent_at": None}
# A job that ended and was wished again while it ran: it begins from the start.
ANEW: dict[str, Any] = {
    "state": JobState.QUEUED,
    "attempts": 0,
    "checkpoint": {},
    "run_again": False,
    "cancel_requested": False,
    "available_at": None,
    "finished_at": None,
    "sent_at": None,
}


class JobFailedError(Exception):
    """An error that trying again does not mend; the message is kept for people."""


class JobCancelledError(Exception):
    """Somebody asked the job to stop."""


class LeaseLostError(Exception):
    """The job belongs to another worker now: stop, and leave its row and its work alone."""


@dataclass(frozen=True)
class Lease:
    """One worker's hold on one job.

    Attributes
    ----------
    job_id : UUID
        The job.
    token : UUID
        Drawn by the claim; writes that name an older one are refused.
    """

    job_id: uuid.UUID
    token: uuid.UUID


def worker_name() -> str:
    """Return this process's name for people: host and process number."""
    return f"{socket.gethostname()}:{os.getpid()}"[:120]


def lease_time() -> timedelta:
    """Return how long a lease lasts without renewal (``settings.JOB_LEASE_S``)."""
    return timedelta(seconds=settings.JOB_LEASE_S)


def claimable() -> Q:
    """Return the condition under which a worker may take a job."""
    waiting = Q(state=JobState.QUEUED) & (Q(available_at__isnull=True) | Q(available_at__lte=Now()))
    abandoned = Q(state=JobState.RUNNING, lease_expires_at__lt=Now())
    return (waiting | abandoned) & Q(attempts__lt=F("max_attempts"), cancel_requested=False)


def claim(*, job_id: uuid.UUID) -> Job | None:
    """Take a job if it is free.

    Parameters
    ----------
    job_id : UUID
        The job.

    Returns
    -------
    Job or None
        The job with its new token; None if it is held, finished, waiting or gone.
    """
    token = uuid.uuid4()
    taken = (
        Job.objects.filter(claimable(), pk=job_id)
        .order_by()
        .update(
            state=JobState.RUNNING,
            lease_token=token,
            lease_expires_at=Now() + lease_time(),
            heartbeat_at=Now(),
            worker=worker_name(),
            attempts=F("attempts") + 1,
            started_at=Case(When(started_at__isnull=True, then=Now()), default=F("started_at")),
            available_at=None,
            run_again=False,  # this run sees all that was there when it was asked for
        )
    )
    return Job.objects.select_related("dataset").get(pk=job_id, lease_token=token) if taken else None


def free_abandoned(*, job: Job) -> bool:
    """Queue a running job whose process is gone: killed on this machine, or silent for longer than its lease.

    For a person who asks for the work once more and should not wait for a sweeper: attempts count anew.

    Parameters
    ----------
    job : Job
        As it was read just now.

    Returns
    -------
    bool
        Whether it was freed.
    """
    row = Job.objects.filter(pk=job.pk, state=JobState.RUNNING, lease_token=job.lease_token).order_by()
    if not _is_dead(job.worker):
        row = row.filter(lease_expires_at__lt=Now())
    return bool(row.update(state=JobState.QUEUED, attempts=0, cancel_requested=False, **_NO_LEASE))


def _is_dead(worker: str) -> bool:
    """Say whether a process of this machine has ended; of others nothing is known.

    Two containers may share a host's name and not its processes. One that is taken for dead so finds its
    token refused and stops, as after a lease that ran out.
    """
    host, _, process = worker.rpartition(":")
    if worker_name().rpartition(":")[0] != host or not process.isdigit():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # it lives, and is somebody else's
        return False
    return False


def lease_of(job: Job) -> Lease:
    """Return the hold on a job that was just claimed."""
    assert job.lease_token is not None  # noqa: S101 -- `claim` drew it
    return Lease(job.pk, job.lease_token)


def renew(*, lease: Lease, done: int | None = None, total: int | None = None) -> bool:
    """Extend the lease and store the progress.

    Returns
    -------
    bool
        Whether somebody asked the job to stop.

    Raises
    ------
    LeaseLostError
        If another worker holds the job.
    """
    values: dict[str, Any] = {"lease_expires_at": Now() + lease_time(), "heartbeat_at": Now()}
    if done is not None:
        values |= {"progress_done": done, "progress_total": total}
    _write(lease, **values)
    return bool(_held(lease).values_list("cancel_requested", flat=True).first())


def write_checkpoint(*, lease: Lease, document: dict[str, Any]) -> None:
    """Store how far the work has come, in the caller's transaction.

    Raises
    ------
    LeaseLostError
        If another worker holds the job; raised inside the transaction of the work, it undoes that work.
    """
    _write(lease, checkpoint=document, lease_expires_at=Now() + lease_time(), heartbeat_at=Now())


def finish(*, lease: Lease, result: dict[str, Any], done: int, total: int | None) -> bool:
    """End a job as done, or queue it anew if it was asked for again while it ran.

    Returns
    -------
    bool
        Whether it is queued anew; send it then.

    Raises
    ------
    LeaseLostError
        If another worker holds the job.
    """
    reached = {"result": result, "progress_done": done, "progress_total": total, "error": ""}
    return _end(lease, JobState.DONE, **reached)


def fail(*, lease: Lease, error: str) -> bool:
    """End a job as failed, or queue it anew if it was asked for again while it ran.

    Returns
    -------
    bool
        Whether it is queued anew; send it then.

    Raises
    ------
    LeaseLostError
        If another worker holds the job.
    """
    return _end(lease, JobState.FAILED, error=error[:MAX_ERROR_CHARS])


def put_off(*, lease: Lease, error: str, attempts: int) -> bool:
    """Queue a job for another attempt later; end it after the last, and if it was asked to stop.

    Parameters
    ----------
    lease : Lease
        The hold.
    error : str
        What went wrong, kept for people.
    attempts : int
        Attempts made, this one included; each wait is four times the one before.

    Returns
    -------
    bool
        Whether it ended and is queued anew, as it was asked for again while it ran; send it then.

    Raises
    ------
    LeaseLostError
        If another worker holds the job.
    """
    wait_s = min(settings.JOB_BACKOFF_S * 4 ** (attempts - 1), MAX_BACKOFF_S)
    later = {"state": JobState.QUEUED, "available_at": Now() + timedelta(seconds=wait_s)}
    stop, last, wished = Q(cancel_requested=True), Q(attempts__gte=F("max_attempts")), Q(run_again=True)
    written = _write_first(
        lease,
        (~stop & ~last, later),
        ((stop | last) & wished, ANEW),
        (stop & ~wished, _ended(JobState.CANCELLED)),
        (~stop & last & ~wished, _ended(JobState.FAILED)),
        error=error[:MAX_ERROR_CHARS],
    )
    return written is ANEW


def give_back(*, lease: Lease) -> bool:
    """Queue a job whose worker is being stopped; the attempt does not count. End it if it was asked to stop too.

    Returns
    -------
    bool
        Whether it ended and is queued anew, as it was asked for again after that; send it then.

    Raises
    ------
    LeaseLostError
        If another worker holds the job.
    """
    stop, wished = Q(cancel_requested=True), Q(run_again=True)
    written = _write_first(
        lease,
        (~stop, {"state": JobState.QUEUED, "attempts": F("attempts") - 1}),
        (stop & wished, ANEW),
        (stop & ~wished, _ended(JobState.CANCELLED)),
    )
    return written is ANEW


def end_cancelled(*, lease: Lease) -> bool:
    """End a job as cancelled, or queue it anew if it was asked for again while it ran.

    Returns
    -------
    bool
        Whether it is queued anew; send it then.

    Raises
    ------
    LeaseLostError
        If another worker holds the job.
    """
    return _end(lease, JobState.CANCELLED)


def _ended(state: JobState) -> dict[str, Any]:
    ended: dict[str, Any] = {"state": state, "finished_at": Now()}
    return ended | {"cancel_requested": True} if state == JobState.CANCELLED else ended


def _end(lease: Lease, state: JobState, **values: Any) -> bool:
    """End a job; True if it is queued anew instead."""
    wished = Q(run_again=True)
    return _write_first(lease, (~wished, _ended(state)), (wished, ANEW), **values) is ANEW


def _write_first(lease: Lease, *outcomes: tuple[Q, dict[str, Any]], **values: Any) -> dict[str, Any]:
    """Give up the lease with the outcome whose condition holds; just one does at any time.

    Each is one conditional UPDATE, so that a wish or a cancel that comes between two of them is not overwritten.
    """
    while True:
        for condition, outcome in outcomes:
            if _held(lease).filter(condition).update(**(outcome | values | _NO_LEASE)):
                return outcome
        if not _held(lease).exists():
            raise _lost(lease)


def _held(lease: Lease) -> QuerySet[Job]:
    return Job.objects.filter(pk=lease.job_id, lease_token=lease.token, state=JobState.RUNNING).order_by()


def _write(lease: Lease, **values: Any) -> None:
    if not _held(lease).update(**values):
        raise _lost(lease)


def _lost(lease: Lease) -> LeaseLostError:
    return LeaseLostError(f"Job {lease.job_id} belongs to another worker now; this one's write was refused.")
