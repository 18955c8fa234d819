"""Datasets, their versioned policies, who works in them, and what was imported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from curation.domain.policy import Policy
from curation.models.append_only import AppendOnlyModel, AppendOnlyQuerySet

if TYPE_CHECKING:
    from curation.models.user import User


class DatasetQuerySet(models.QuerySet["Dataset"]):
    """Datasets, narrowed to what a person may see."""

    def visible_to(self, user: User) -> DatasetQuerySet:
        """Keep the datasets in which `user` has a role; the operator sees all."""
        if user.is_superuser:
            return self
        return self.filter(memberships__user=user).distinct()


class Dataset(models.Model):
    """What is collected, judged and published together."""

    slug = models.SlugField(unique=True, max_length=64)
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = DatasetQuerySet.as_manager()

    class Meta:
        verbose_name = _("dataset")
        verbose_name_plural = _("datasets")
        ordering = ("slug",)

    def __str__(self) -> str:
        return self.slug


class DatasetPolicy(AppendOnlyModel):
    """One version of a dataset's policy; the highest version is in force."""

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="policies")
    version = models.PositiveIntegerField()
    document: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AppendOnlyQuerySet["DatasetPolicy"].as_manager()

    class Meta:
        verbose_name = _("dataset policy")
        verbose_name_plural = _("dataset policies")
        ordering = ("dataset", "-version")
        constraints = (
            models.UniqueConstraint(fields=["dataset", "version"], name="policy_version_unique"),
            models.CheckConstraint(condition=models.Q(version__gte=1), name="policy_version_from_one"),
        )

    def __str__(self) -> str:
        return f"{self.dataset} policy {self.version}"

    @property
    def policy(self) -> Policy:
        """The document as checked parameters."""
        return Policy.from_document(self.document)


class Role(models.TextChoices):
    """What a person does in a dataset."""

    PARTICIPANT = "participant", _("Participant")  # records, hears own recordings
    ANNOTATOR = "annotator", _("Annotator")  # votes on submissions and rates clips
    CURATOR = "curator", _("Curator")  # runs the dataset, sees everything in it
    ENGINEER = "engineer", _("Engineer")  # runs jobs, sees everything in it


class Membership(models.Model):
    """One role of one account in one dataset."""

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("role in a dataset")
        verbose_name_plural = _("roles in datasets")
        ordering = ("dataset", "user", "role")
        constraints = (
            models.UniqueConstraint(fields=["dataset", "user", "role"], name="membership_unique"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="membership_role_known"),
        )

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.dataset}"


class ImportRun(models.Model):
    """One file that was imported: how many of its rows were taken, known already or refused.

    The same file imported again overwrites its own line, so that a repeated run counts nothing twice.
    """

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="import_runs")
    kind = models.CharField(max_length=32)
    file_name = models.CharField(max_length=255)
    file_sha256 = models.CharField(max_length=64)
    accepted = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    refusals_by_reason: models.JSONField[dict[str, int], dict[str, int]] = models.JSONField(default=dict)
    finished_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        ordering = ("-finished_at",)
        constraints = (
            models.UniqueConstraint(fields=["dataset", "kind", "file_sha256"], name="import_run_once_per_file"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.file_name}"
