"""What curators accepted unheard, and took back: events that are added and never edited.

Whether an annotation is accepted now is said by its last event alone.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from curation.models import AppendOnlyModel, AppendOnlyQuerySet, CandidateAnnotation, Participant
from ml.models.run import VerificationRun


class AcceptanceKind(models.TextChoices):
    """What happened."""

    ACCEPT = "accept", _("Accepted")
    UNDO = "undo", _("Taken back")


class AcceptanceEvent(AppendOnlyModel):
    """A curator's word on one candidate annotation."""

    # Both are indexed below.
    run = models.ForeignKey(VerificationRun, on_delete=models.PROTECT, related_name="acceptances", db_index=False)
    annotation = models.ForeignKey(CandidateAnnotation, on_delete=models.PROTECT, related_name="+", db_index=False)
    kind = models.CharField(max_length=8, choices=AcceptanceKind)
    by = models.ForeignKey(Participant, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AppendOnlyQuerySet["AcceptanceEvent"].as_manager()

    class Meta:
        verbose_name = _("acceptance")
        verbose_name_plural = _("acceptances")
        ordering = ("annotation", "id")
        constraints = (
            models.CheckConstraint(condition=Q(kind__in=AcceptanceKind.values), name="acceptance_kind_known"),
        )
        indexes = (
            models.Index(fields=["annotation", "id"], name="acceptance_by_annotation"),
            models.Index(fields=["run", "id"], name="acceptance_by_run"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.annotation_id}"
