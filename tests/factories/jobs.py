"""Work for jobs that does what a test tells it, and jobs whose worker is gone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from curation.models import Job
from curation.services.jobs import JobContext


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


def expire(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
