"""Collection tasks and the submissions that answer them (CochlScene II.B and II.C)."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from curation.models.dataset import Dataset
from curation.models.participant import Participant
from curation.models.taxonomy import Category


class CollectionTask(models.Model):
    """A request to record one class: what to record, what is paid, how much is wanted (CochlScene fig. 1)."""

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="tasks")
    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="tasks")
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    reward = models.CharField(max_length=80, blank=True)
    target_submissions = models.PositiveIntegerField(null=True, blank=True)
    quota_per_participant = models.PositiveIntegerField(null=True, blank=True)
    is_open = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("title", "id")
        constraints = (
            models.UniqueConstraint(fields=["dataset", "category", "title"], name="task_unique"),
            models.CheckConstraint(
                condition=Q(target_submissions__isnull=True) | Q(target_submissions__gte=1), name="task_target_from_one"
            ),
            models.CheckConstraint(
                condition=Q(quota_per_participant__isnull=True) | Q(quota_per_participant__gte=1),
                name="task_quota_from_one",
            ),
        )

    def __str__(self) -> str:
        return self.title


class SubmissionState(models.TextChoices):
    """Where a submission stands; `validate` computes it from votes."""

    UNDECIDED = "undecided", _("Waiting for votes")  # fewer equal votes than settle it
    ACCEPTED = "accepted", _("Accepted")
    REJECTED = "rejected", _("Rejected")


class Submission(models.Model):
    """One recording as a participant sent it, whole; the original file is kept untouched."""

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="submissions")
    task = models.ForeignKey(CollectionTask, on_delete=models.PROTECT, related_name="submissions")
    participant = models.ForeignKey(Participant, on_delete=models.PROTECT, related_name="submissions")
    # The submission ID of file names: letters, digits and hyphens.
    external_id = models.CharField(max_length=64)

    original_key = models.CharField(max_length=200)
    original_name = models.CharField(max_length=255)
    original_sha256 = models.CharField(max_length=64)
    original_bytes = models.PositiveBigIntegerField()
    container = models.CharField(max_length=16)
    encoding = models.CharField(max_length=32)
    sample_rate_hz = models.PositiveIntegerField()
    channels = models.PositiveSmallIntegerField()
    frames = models.PositiveBigIntegerField()
    duration_s = models.FloatField()

    title = models.CharField(max_length=300, blank=True)
    device = models.CharField(max_length=120, blank=True)
    city = models.CharField(max_length=120, blank=True)
    recorded_at = models.DateTimeField(null=True, blank=True)
    licence = models.CharField(max_length=64, blank=True)
    source_url = models.CharField(max_length=500, blank=True)

    state = models.CharField(max_length=12, choices=SubmissionState, default=SubmissionState.UNDECIDED)
    # Why it stands there:
    # {"policy": version, "by": "votes" | "import", "votes": n, "reasons": {criterion: objections}}.
    decision: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    # Votes given so far, kept beside them so that those closest to a decision can be served first.
    vote_count = models.PositiveSmallIntegerField(default=0)
    segmented_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("submission")
        verbose_name_plural = _("submissions")
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(fields=["dataset", "external_id"], name="submission_id_unique"),
            models.UniqueConstraint(fields=["dataset", "original_sha256"], name="submission_audio_unique"),
            models.CheckConstraint(condition=Q(state__in=SubmissionState.values), name="submission_state_known"),
            models.CheckConstraint(
                condition=Q(frames__gte=1)
                & Q(channels__gte=1)
                & Q(sample_rate_hz__gte=1)
                & Q(duration_s__gt=0)
                & Q(original_bytes__gte=1),
                name="submission_audio_not_empty",
            ),
            models.CheckConstraint(
                condition=Q(state=SubmissionState.UNDECIDED, decided_at__isnull=True)
                | (~Q(state=SubmissionState.UNDECIDED) & Q(decided_at__isnull=False)),
                name="submission_decided_when_settled",
            ),
            models.CheckConstraint(
                condition=Q(segmented_at__isnull=True) | Q(state=SubmissionState.ACCEPTED),
                name="submission_segmented_only_if_accepted",
            ),
        )
        indexes = (
            models.Index(fields=["dataset", "state", "id"], name="submission_by_state"),
            models.Index(
                fields=["dataset", "-vote_count", "id"],
                condition=Q(state=SubmissionState.UNDECIDED),
                name="submission_to_vote_on",
            ),
        )

    def __str__(self) -> str:
        return self.external_id
