"""Running a job: claim, work under a heartbeat, settle. A worker and a command do it the same way."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction

from curation.domain.progress import Progress, no_progress
from curation.domain.sentences import Part, in_english, stored
from curation.models import ACTIVE_STATES, Dataset, Job, JobState
from curation.registry import JobKind, job_kinds
from curation.selectors.words import TOLD
from curation.services import job_leases
from curation.services.job_heartbeat import Heartbeat
from curation.services.job_leases import JobCancelledError, JobFailedError, LeaseLostError, lease_time
from curation.services.job_messages import send

logger = logging.getLogger(__name__)


Reached = tuple[int, int | None]


class JobBusyError(Exception):
    """The same work is being done by another process."""


@dataclass(frozen=True)
class JobContext:
    """What a job's function is given.

    Attributes
    ----------
    job : Job
        The row as it was claimed: parameters, and the checkpoint of an earlier attempt.
    """

    job: Job
    _lease: job_leases.Lease
    _heartbeat: Heartbeat
    _echo: Progress

    @property
    def dataset(self) -> Dataset:
        """The dataset the job is about.

        Raises
        ------
        JobFailedError
            If it is about none.
        """
        if self.job.dataset is None:
            message = f"A job of the kind {self.job.kind!r} needs a dataset."
            raise JobFailedError(message)
        return self.job.dataset

    def progress(self, done: int, total: int | None) -> None:
        """Tell how far the work is; call it often, it costs no query.

        Raises
        ------
        LeaseLostError
            If another worker holds the job.
        JobCancelledError
            If somebody asked the job to stop.
        """
        self._heartbeat.check()
        self._heartbeat.progress = (done, total)
        self._echo(done, total)

    def checkpoint(self, document: dict[str, Any]) -> None:
        """Store what a later attempt may skip.

        Called inside the transaction that stores a unit of work, it makes the unit happen once: if
        another worker holds the job, the error undoes the unit.

        Raises
        ------
        LeaseLostError
            If another worker holds the job.
        JobCancelledError
            If somebody asked the job to stop.
        """
        self._heartbeat.check()
        job_leases.write_checkpoint(lease=self._lease, document=document)

    def failure(self, *parts: Part) -> JobFailedError:
        """Keep what is to be said of a failure in the reader's language; return the error to raise.

        A text that is too long to be kept whole is kept in English alone, where it is cut.

        Raises
        ------
        LeaseLostError, JobCancelledError
            As of `checkpoint`.
        """
        text = in_english(parts)
        if len(text) <= job_leases.MAX_ERROR_CHARS:
            self.job.refresh_from_db(fields=["checkpoint"])  # units of this attempt are in it
            self.checkpoint({**self.job.checkpoint, TOLD: stored(parts)})
        return JobFailedError(text)

    def cancelled(self) -> bool:
        """Say whether somebody asked the job to stop."""
        return self._heartbeat.cancelled


Work = Callable[[JobContext], dict[str, Any]]


def run_job(*, job_id: uuid.UUID) -> bool:
    """Run a job in a worker, if it is free.

    Parameters
    ----------
    job_id : UUID
        The job a message named.

    Returns
    -------
    bool
        Whether this process took it; a duplicate message finds it taken or finished.
    """
    job = job_leases.claim(job_id=job_id)
    if job is None:
        return False
    lease = job_leases.lease_of(job)
    logger.info("Job %s (%s): attempt %d of %d", job.pk, job.kind, job.attempts, job.max_attempts)
    try:
        _work_and_settle(job, lease)
    except LeaseLostError as error:
        logger.warning("%s", error)
    return True


def run_here(
    *,
    kind: str,
    dataset: Dataset | None = None,
    parameters: dict[str, Any] | None = None,
    progress: Progress = no_progress,
    key: str = "",
    work: Work | None = None,
) -> Job:
    """Run a job in this process, for a command: the same row, lease and heartbeat, and no second attempt.

    If the process is killed, the row is as any worker's that died: the sweeper hands it to a worker, and the
    command can be run again at once.

    Parameters
    ----------
    kind : str
        A registered kind.
    dataset : Dataset, optional
        What the job is about.
    parameters : dict, optional
        JSON values the kind understands.
    progress : Progress
        Told how far the work is.
    key : str
        As in `curation.services.jobs.enqueue`; a waiting job of the same key is taken over.
    work : callable, optional
        What to run here instead of the kind's function: the same work, with more cores or a result that stays in
        this process.

    Returns
    -------
    Job
        The finished row.

    Raises
    ------
    JobBusyError
        If another process is at it.
    Exception
        Whatever the work raises, after the row was marked as failed.
    """
    job = _take_over(known_kind(kind), dataset, parameters or {}, job_key(dataset, key))
    lease = job_leases.lease_of(job)
    try:
        result, reached = _work(job, lease, progress, work)
    except LeaseLostError:
        raise
    except (JobCancelledError, KeyboardInterrupt, SystemExit):
        _send_if(job, anew=job_leases.end_cancelled(lease=lease))
        raise
    except Exception as error:
        _send_if(job, anew=job_leases.fail(lease=lease, error=describe(error)))
        raise
    _finish(job, lease, result, reached)
    job.refresh_from_db()
    return job


def known_kind(name: str) -> JobKind:
    """Return a registered kind.

    Raises
    ------
    ValueError
        If no floor registered it.
    """
    if name not in job_kinds:
        known = ", ".join(sorted(kind.name for kind in job_kinds))
        message = f"No job kind is called {name!r}. Known: {known}."
        raise ValueError(message)
    return job_kinds[name]


def job_key(dataset: Dataset | None, key: str) -> str:
    """Return the key under which two active jobs of one kind are one."""
    return f"{dataset.slug}/{key}" if dataset else key


def describe(error: BaseException) -> str:
    """Return an error as the row keeps it; the log has the trace."""
    return str(error) if isinstance(error, JobFailedError) else f"{type(error).__name__}: {error}"


def _work(
    job: Job, lease: job_leases.Lease, echo: Progress, work: Work | None = None
) -> tuple[dict[str, Any], Reached]:
    run: Callable[[Any], dict[str, Any]] = work or job_kinds[job.kind].run
    with Heartbeat(lease) as heartbeat:
        return run(JobContext(job, lease, heartbeat, echo)), heartbeat.progress


def _work_and_settle(job: Job, lease: job_leases.Lease) -> None:
    if job.kind not in job_kinds:
        error = f"This worker knows no job kind {job.kind!r}; is its version older?"
        _send_if(job, anew=job_leases.fail(lease=lease, error=error))
        return
    try:
        result, reached = _work(job, lease, no_progress)
    except LeaseLostError:
        raise
    except JobCancelledError:
        _send_if(job, anew=job_leases.end_cancelled(lease=lease))
    except JobFailedError as error:
        logger.warning("Job %s (%s) failed: %s", job.pk, job.kind, error)
        _send_if(job, anew=job_leases.fail(lease=lease, error=describe(error)))
    except (SystemExit, KeyboardInterrupt):  # the worker is being stopped
        _send_if(job, anew=job_leases.give_back(lease=lease))
        raise
    except Exception as error:
        logger.exception("Job %s (%s): attempt %d of %d failed", job.pk, job.kind, job.attempts, job.max_attempts)
        _send_if(job, anew=job_leases.put_off(lease=lease, error=describe(error), attempts=job.attempts))
    else:
        _finish(job, lease, result, reached)


def _finish(job: Job, lease: job_leases.Lease, result: dict[str, Any], reached: Reached) -> None:
    _send_if(job, anew=job_leases.finish(lease=lease, result=result, done=reached[0], total=reached[1]))


def _send_if(job: Job, *, anew: bool) -> None:
    """Send a job that is queued anew, as it was asked for again while it ran."""
    if anew:
        transaction.on_commit(lambda: send(job_ids=[job.pk]))


def _take_over(kind: JobKind, dataset: Dataset | None, parameters: dict[str, Any], key: str) -> Job:
    """Make a row, or take the waiting one of the same key, and claim it before anyone else sees it."""
    active = Job.objects.filter(kind=kind.name, key=key, state__in=ACTIVE_STATES)
    try:
        with transaction.atomic():
            row = active.first()
            if row is None:
                row = Job.objects.create(kind=kind.name, dataset=dataset, key=key, queue=kind.queue)
            elif row.state == JobState.RUNNING:
                job_leases.free_abandoned(job=row)
            # To run it is a wish: one that was asked to stop before and waits all the same is taken too.
            Job.objects.filter(pk=row.pk, state=JobState.QUEUED).update(
                parameters=parameters, available_at=None, cancel_requested=False
            )
            job = job_leases.claim(job_id=row.pk)
    except IntegrityError:  # another process made the row between the look and the insert
        job = None
    if job is None:
        raise JobBusyError(_who_is_at_it(kind, active.first()))
    return job


def _who_is_at_it(kind: JobKind, job: Job | None) -> str:
    if job is None or job.started_at is None:
        return f"{kind.name} is being done by another process. Try again when it is done."
    total = "" if job.progress_total is None else f" of {job.progress_total}"
    return (
        f"{kind.name} is being done by {job.worker} since {job.started_at:%H:%M:%S} UTC: {job.progress_done}{total} "
        f"done so far. Try again when it is done; if that machine died, {lease_time().seconds} s from now."
    )
