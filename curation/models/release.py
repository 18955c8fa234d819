"""Splits and releases. Both are written once: a split stores its parameters, a release its manifest."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from curation.models.append_only import AppendOnlyModel, AppendOnlyQuerySet
from curation.models.dataset import Dataset, DatasetPolicy
from curation.models.participant import Participant


class Subset(models.TextChoices):
    """The parts of a split (CochlScene III.B)."""

    TRAIN = "train", _("Train")
    VAL = "val", _("Validation")
    TEST = "test", _("Test")


class Split(AppendOnlyModel):
    """One division of a dataset's participants, with all that it was computed from."""

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="splits")
    number = models.PositiveIntegerField()
    method = models.CharField(max_length=32)
    parameters: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField()
    # SHA-256 over the sorted (clip, category, participant) rows that were split.
    manifest_sha256 = models.CharField(max_length=64)
    # Clips by class and part: {class name: {"train": n, "val": n, "test": n}}.
    table: models.JSONField[dict[str, dict[str, int]], dict[str, dict[str, int]]] = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AppendOnlyQuerySet["Split"].as_manager()

    class Meta:
        verbose_name = _("split")
        verbose_name_plural = _("splits")
        ordering = ("dataset", "-number")
        constraints = (
            models.UniqueConstraint(fields=["dataset", "number"], name="split_number_unique"),
            models.CheckConstraint(condition=Q(number__gte=1), name="split_number_from_one"),
        )

    def __str__(self) -> str:
        return f"{self.dataset} split {self.number}"


class SplitAssignment(AppendOnlyModel):
    """Which part a participant went to. One row a person: a person cannot be in two parts."""

    split = models.ForeignKey(Split, on_delete=models.PROTECT, related_name="assignments")
    participant = models.ForeignKey(Participant, on_delete=models.PROTECT, related_name="split_assignments")
    subset = models.CharField(max_length=5, choices=Subset)

    objects = AppendOnlyQuerySet["SplitAssignment"].as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["split", "participant"], name="split_participant_once"),
            models.CheckConstraint(condition=Q(subset__in=Subset.values), name="split_subset_known"),
        )

    def __str__(self) -> str:
        return f"{self.participant_id} in {self.subset}"


class Release(AppendOnlyModel):
    """A frozen version of a dataset: nothing that happens later changes it."""

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="releases")
    version = models.CharField(max_length=32)
    policy = models.ForeignKey(DatasetPolicy, on_delete=models.PROTECT, related_name="+")
    split = models.ForeignKey(Split, on_delete=models.PROTECT, related_name="releases")
    # [[path, bytes, sha256], …] of every file, sorted by path.
    manifest: models.JSONField[list[Any], list[Any]] = models.JSONField()
    manifest_sha256 = models.CharField(max_length=64)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AppendOnlyQuerySet["Release"].as_manager()

    class Meta:
        verbose_name = _("release")
        verbose_name_plural = _("releases")
        ordering = ("dataset", "-id")
        constraints = (
            models.UniqueConstraint(fields=["dataset", "version"], name="release_version_unique"),
            models.CheckConstraint(condition=~Q(version=""), name="release_versioned"),
        )

    def __str__(self) -> str:
        return f"{self.dataset} {self.version}"
