"""By which run people review, where a curator has said so: events that are added and never edited.

What holds now is said by the last event of the dataset alone; see `ml.selectors.run_in_force`.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from curation.models import AppendOnlyModel, AppendOnlyQuerySet, Participant
from ml.models.run import VerificationRun


class ChoiceKind(models.TextChoices):
    """What happened."""

    CHOOSE = "choose", _("Chosen")
    UNDO = "undo", _("Taken back")  # the newest finished run decides again


class ChoiceEvent(AppendOnlyModel):
    """A curator's word on one run of a dataset."""

    run = models.ForeignKey(VerificationRun, on_delete=models.PROTECT, related_name="choices")
    kind = models.CharField(max_length=8, choices=ChoiceKind)
    by = models.ForeignKey(Participant, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AppendOnlyQuerySet["ChoiceEvent"].as_manager()

    class Meta:
        verbose_name = _("choice of a run")
        verbose_name_plural = _("choices of runs")
        ordering = ("id",)
        constraints = (models.CheckConstraint(condition=Q(kind__in=ChoiceKind.values), name="choice_kind_known"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.run_id}"
