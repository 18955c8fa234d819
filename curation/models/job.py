"""Background work. The row is the truth; a broker message is only a hint that the row is there.

A worker claims a row atomically and holds a lease that it renews while it works. Each claim draws a new
fencing token, and every write of a worker names its token, so that a worker that was taken for dead
cannot write over its successor. A sweeper sends expired leases again.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from curation.models.dataset import Dataset

MAX_ATTEMPTS = 5


class JobState(models.TextChoices):
    """Where a job stands."""

    QUEUED = "queued", _("Queued")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")  # an error that trying again does not mend, or too many attempts
    CANCELLED = "cancelled", _("Cancelled")


ACTIVE_STATES = (JobState.QUEUED, JobState.RUNNING)


class Job(models.Model):
    """One piece of background work."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=64)
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, null=True, blank=True, related_name="jobs")
    parameters: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    # Two active jobs of one kind with one key are one job.
    key = models.CharField(max_length=200)
    queue = models.CharField(max_length=32, default="default")

    state = models.CharField(max_length=12, choices=JobState, default=JobState.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    max_attempts = models.PositiveSmallIntegerField(default=MAX_ATTEMPTS)
    worker = models.CharField(max_length=120, blank=True)
    lease_token = models.UUIDField(null=True, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    # When a message was last handed to the broker; empty: not since the job was queued.
    sent_at = models.DateTimeField(null=True, blank=True)
    # Not before this, so that a failed attempt is tried again later; empty: at once.
    available_at = models.DateTimeField(null=True, blank=True)
    # Asked for again while it ran: what it read may be out of date.
    run_again = models.BooleanField(default=False)
    cancel_requested = models.BooleanField(default=False)

    progress_done = models.PositiveBigIntegerField(default=0)
    progress_total = models.PositiveBigIntegerField(null=True, blank=True)
    checkpoint: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict, blank=True)
    result: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict, blank=True)
    error = models.TextField(blank=True)

    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        ordering = ("-created_at", "-id")
        constraints = (
            models.UniqueConstraint(
                fields=["kind", "key"], condition=Q(state__in=ACTIVE_STATES), name="job_one_active_per_key"
            ),
            models.CheckConstraint(condition=Q(state__in=JobState.values), name="job_state_known"),
            models.CheckConstraint(condition=Q(attempts__lte=models.F("max_attempts")), name="job_attempts_capped"),
            models.CheckConstraint(
                condition=~Q(state=JobState.RUNNING)
                | (Q(lease_token__isnull=False) & Q(lease_expires_at__isnull=False)),
                name="job_running_has_lease",
            ),
        )
        indexes = (
            models.Index(fields=["state", "lease_expires_at"], name="job_by_lease"),
            models.Index(fields=["dataset", "-created_at"], name="job_by_dataset"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"
