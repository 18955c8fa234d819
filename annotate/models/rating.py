"""One person's PP/PNP/NP/U on one candidate annotation (FSDKaggle2018 3.2, table 1)."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from curation.models import AppendOnlyModel, AppendOnlyQuerySet, CandidateAnnotation, Participant, Presence


class RatingSource(models.TextChoices):
    """How a rating came in."""

    WEB = "web", _("Browser")
    API = "api", _("API")
    IMPORT = "import", _("Import")


class Rating(AppendOnlyModel):
    """An answer to "Is <category> present in this clip?"."""

    # Both are indexed below, alone or by a constraint.
    annotation = models.ForeignKey(CandidateAnnotation, on_delete=models.PROTECT, related_name="+", db_index=False)
    annotator = models.ForeignKey(Participant, on_delete=models.PROTECT, related_name="+", db_index=False)
    presence = models.CharField(max_length=3, choices=Presence)
    source = models.CharField(max_length=8, choices=RatingSource)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AppendOnlyQuerySet["Rating"].as_manager()

    class Meta:
        ordering = ("annotation", "id")
        constraints = (
            models.UniqueConstraint(fields=["annotation", "annotator"], name="rating_once_per_person"),
            models.CheckConstraint(condition=Q(presence__in=Presence.values), name="rating_presence_known"),
            models.CheckConstraint(condition=Q(source__in=RatingSource.values), name="rating_source_known"),
        )
        indexes = (models.Index(fields=["annotator", "id"], name="rating_by_annotator"),)

    def __str__(self) -> str:
        return f"{self.annotator_id}: {self.presence} on {self.annotation_id}"
