"""Asking for background work, and taking the wish back.

The row is written in the caller's transaction and the message follows its commit (an outbox): a wish
whose transaction fails never reaches a worker, and a message that is lost is sent again by the sweeper.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from curation.models import ACTIVE_STATES, Dataset, Job, JobState, SubmissionState, User
from curation.registry import JobKind, job_kinds
from curation.services.job_leases import JobCancelledError, JobFailedError, LeaseLostError
from curation.services.job_messages import send
from curation.services.job_runner import JobBusyError, JobContext, job_key, known_kind, run_here, run_job

__all__ = [
    "SEGMENT",
    "JobBusyError",
    "JobCancelledError",
    "JobContext",
    "JobFailedError",
    "LeaseLostError",
    "cancel",
    "enqueue",
    "enqueue_segmentation",
    "run_here",
    "run_job",
]

SEGMENT = "segment"


def enqueue(
    *,
    kind: str,
    dataset: Dataset | None = None,
    parameters: dict[str, Any] | None = None,
    key: str = "",
    created_by: User | None = None,
    again: bool = False,
) -> Job:
    """Ask for background work.

    Parameters
    ----------
    kind : str
        A registered kind.
    dataset : Dataset, optional
        What the job is about.
    parameters : dict, optional
        JSON values the kind understands: ids, never objects.
    key : str
        Two active jobs of one kind, dataset and key are one job.
    created_by : User, optional
        Who asked.
    again : bool
        A job of this key that runs already may have passed by what is new: let it run once more after.

    Returns
    -------
    Job
        The new row, or the active one.

    Raises
    ------
    ValueError
        If no floor registered the kind.
    """
    registered, full_key = known_kind(kind), job_key(dataset, key)
    active = Job.objects.filter(kind=kind, key=full_key, state__in=ACTIVE_STATES)
    while True:
        job = active.first()
        if job is None:
            job = _insert(registered, dataset, parameters or {}, full_key, created_by)
            if job is not None:
                return job
        # A claim clears the mark, so it does nothing to a job that has yet to begin. One that was asked to stop will
        # not do what is wished now: it runs again after it has stopped.
        elif not (again or job.cancel_requested) or Job.objects.filter(
            pk=job.pk, state__in=ACTIVE_STATES
        ).order_by().update(run_again=True):
            return job


def _insert(
    kind: JobKind, dataset: Dataset | None, parameters: dict[str, Any], key: str, created_by: User | None
) -> Job | None:
    """Write the row; None if another process wrote one of the same key just now."""
    try:
        with transaction.atomic():
            job = Job.objects.create(
                kind=kind.name,
                dataset=dataset,
                parameters=parameters,
                key=key,
                queue=kind.queue,
                created_by=created_by,
            )
            transaction.on_commit(lambda: send(job_ids=[job.pk]))
    except IntegrityError:
        return None
    return job


def cancel(*, job: Job) -> bool:
    """Ask a job to stop: a waiting one ends at once, a running one at its next step.

    Parameters
    ----------
    job : Job
        The job; finished ones stay as they are.

    Returns
    -------
    bool
        Whether there was something to stop; never with a kind that must be ended once it is begun.
    """
    if job.kind in job_kinds and not job_kinds[job.kind].can_be_stopped:
        return False
    row = Job.objects.filter(pk=job.pk).order_by()
    if row.filter(state=JobState.QUEUED).update(
        state=JobState.CANCELLED, cancel_requested=True, finished_at=Now(), run_again=False
    ):
        return True
    return bool(row.filter(state=JobState.RUNNING).update(cancel_requested=True, run_again=False))


def enqueue_segmentation(*, submission_ids: Collection[int]) -> list[Job]:
    """Ask for the segmentation of submissions that people have just accepted.

    Parameters
    ----------
    submission_ids : collection of int
        Primary keys, of rejected ones too; call it in the transaction that settled them.

    Returns
    -------
    list of Job
        One for each dataset; it takes all accepted submissions that have no clips yet.
    """
    datasets = Dataset.objects.filter(
        submissions__in=submission_ids, submissions__state=SubmissionState.ACCEPTED
    ).distinct()
    return [enqueue(kind=SEGMENT, dataset=dataset, again=True) for dataset in datasets]
