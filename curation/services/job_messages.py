"""Telling workers that a job's row is there. A message is only a hint: losing one loses no job."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable

from django.conf import settings
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from curation.celery import app
from curation.models import Job, JobState

RUN_JOB = "curation.jobs.run_job"
logger = logging.getLogger(__name__)


def send(*, job_ids: Iterable[uuid.UUID], due: Q | None = None) -> int:
    """Send a message for each queued job.

    Parameters
    ----------
    job_ids : iterable of UUID
        The jobs; those that are not queued any more are left out.
    due : Q, optional
        A condition that must still hold; of several processes that sweep at once, one sends.

    Returns
    -------
    int
        Messages sent. Where the broker does not answer the rest stays marked as not sent.
    """
    sent = 0
    for job_id in job_ids:
        row = Job.objects.filter(due or Q(), pk=job_id, state=JobState.QUEUED).order_by()
        queue = row.values_list("queue", flat=True).first()
        if queue is None or not row.update(sent_at=Now()):
            continue
        if not _publish(job_id, queue):
            _still_queued(job_id).update(sent_at=None)
            break
        sent += 1
    return sent


def _still_queued(job_id: uuid.UUID) -> QuerySet[Job]:
    return Job.objects.filter(pk=job_id, state=JobState.QUEUED).order_by()


def _publish(job_id: uuid.UUID, queue: str) -> bool:
    try:
        app.send_task(RUN_JOB, args=[str(job_id)], queue=queue, retry=False)
    except Exception as error:  # noqa: BLE001 -- whatever a broker raises, the row stays and is swept
        # The address may hold a password, and so may a broker's message: the kind of error is enough.
        kind = type(error).__name__
        scheme = settings.CELERY_BROKER_URL.partition(":")[0]
        logger.warning(
            "The broker (%s) took no message for job %s (%s); the sweeper tries again.", scheme, job_id, kind
        )
        return False
    return True
