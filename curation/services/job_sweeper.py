"""The sweeper: finds jobs whose worker died and jobs whose message was lost, and sends them again.

It runs beside every worker and may run anywhere else at the same time: each change is one conditional
UPDATE, so that two sweepers do nothing twice.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.db.models.functions import Now

from curation.models import Job, JobState
from curation.services.job_leases import ANEW
from curation.services.job_messages import send

SWEEP_ROWS = 100
logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class SweepReport:
    """What one sweep did.

    Attributes
    ----------
    requeued : int
        Jobs taken from workers that stopped renewing their lease.
    failed : int
        Such jobs that had used all their attempts.
    cancelled : int
        Such jobs that somebody had asked to stop, and waiting ones of which that is still said.
    sent : int
        Messages sent, for those and for jobs whose message was lost or never sent.
    """

    requeued: int = 0
    failed: int = 0
    cancelled: int = 0
    sent: int = 0


def sweep() -> SweepReport:
    """Look once, at most at 100 rows of each kind, oldest first.

    Returns
    -------
    SweepReport
        What was done.
    """
    outcomes = [_take_back(job) for job in Job.objects.filter(_abandoned()).order_by("lease_expires_at")[:SWEEP_ROWS]]
    outcomes += [_end_waiting(job) for job in Job.objects.filter(_stopped()).order_by("created_at", "id")[:SWEEP_ROWS]]
    due = _unsent()
    waiting = Job.objects.filter(due).order_by("created_at", "id").values_list("pk", flat=True)[:SWEEP_ROWS]
    return SweepReport(
        requeued=outcomes.count(JobState.QUEUED),
        failed=outcomes.count(JobState.FAILED),
        cancelled=outcomes.count(JobState.CANCELLED),
        sent=send(job_ids=list(waiting), due=due),
    )


def _abandoned() -> Q:
    return Q(state=JobState.RUNNING, lease_expires_at__lt=Now())


def _stopped() -> Q:
    """Return the condition of a queued job that no claim takes, since somebody asked it to stop."""
    return Q(state=JobState.QUEUED, cancel_requested=True)


def _unsent() -> Q:
    """Return the condition of a queued job that no worker will hear of."""
    lost = Q(sent_at__lt=Now() - timedelta(seconds=settings.JOB_RESEND_S))
    ready = Q(available_at__isnull=True) | Q(available_at__lte=Now())
    return Q(state=JobState.QUEUED) & ready & (Q(sent_at__isnull=True) | lost)


def _take_back(job: Job) -> JobState | None:
    """Take a job from a worker that stopped renewing; None if it was quicker."""
    message = f"The worker {job.worker} stopped responding in attempt {job.attempts} of {job.max_attempts}."
    values: dict[str, Any] = {"error": message, "lease_token": None, "lease_expires_at": None, "sent_at": None}
    if not job.cancel_requested and job.attempts < job.max_attempts:
        values["state"] = JobState.QUEUED
    else:
        values |= _end(job, JobState.CANCELLED if job.cancel_requested else JobState.FAILED)
    if not _update_unchanged(job, _abandoned(), values):
        return None
    logger.warning("Job %s (%s) is %s: %s", job.pk, job.kind, values["state"], message)
    return JobState(values["state"])


def _end_waiting(job: Job) -> JobState | None:
    """End a queued job that was asked to stop; None if it was taken or ended just now."""
    values = _end(job, JobState.CANCELLED)
    return JobState(values["state"]) if _update_unchanged(job, _stopped(), values) else None


def _end(job: Job, state: JobState) -> dict[str, Any]:
    """Return the columns of a job that ends, or is queued anew if it was wished again while it ran."""
    return ANEW if job.run_again else {"state": state, "finished_at": Now()}


def _update_unchanged(job: Job, still: Q, values: dict[str, Any]) -> bool:
    unchanged = Q(
        pk=job.pk,
        lease_token=job.lease_token,
        cancel_requested=job.cancel_requested,
        run_again=job.run_again,
        attempts=job.attempts,
    )
    return bool(Job.objects.filter(still & unchanged).order_by().update(**values))
