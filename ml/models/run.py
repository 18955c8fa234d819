"""Verification runs: an ensemble that judges the candidate labels of a dataset.

The row says what was asked for and what came of it. How far a run is, is said by the rows of its jobs, which are the
truth about all background work, and is not said a second time here; see `ml.selectors.runs`.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from curation.models import Dataset


class RecipeName(models.TextChoices):
    """The recipes of `ml.recipes.catalogue`, which imports torch and therefore cannot be asked by a page."""

    EARMARK = "earmark", _("Earmark")  # ours: folds of whole groups, the pattern of mistakes fed back
    NGUYEN = "nguyen", _("Nguyen et al. 2018")  # three networks admit labels in four rounds
    DORFER = "dorfer", _("Dorfer and Widmer 2018")  # four folds verify themselves, ten times
    IQBAL = "iqbal", _("Iqbal et al. 2018")  # eight networks, joined by a regression, promote labels
    ICME2024 = "icme2024", _("ICME 2024 baseline")  # learns from the labels that it gave itself


class RunDevice(models.TextChoices):
    """Where a run may be computed."""

    AUTO = "auto", _("Accelerator if there is one")
    CPU = "cpu", _("Processor")
    CUDA = "cuda", _("Accelerator")


class VerificationRun(models.Model):
    """One run of a recipe on a dataset, with all that it depends on."""

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField()  # within the dataset, from 1
    recipe = models.CharField(max_length=32, choices=RecipeName)
    # Share of the labels accepted unheard that is to be right.
    precision = models.FloatField()
    seed = models.PositiveBigIntegerField(default=0)
    device = models.CharField(max_length=8, choices=RunDevice, default=RunDevice.AUTO)
    # Time that training should take one worker; empty: the recipe's own length.
    budget_minutes = models.FloatField(null=True, blank=True)
    # Pretrained trunks that join the ensemble, as `TrunkDescription` stores them: name, digest and
    # excerpts are settled by the request; the first job adds how many numbers an embedding has.
    trunks: models.JSONField[list[dict[str, Any]], list[dict[str, Any]]] = models.JSONField(default=list, blank=True)
    # Names its folder. Drawn at random, since databases that share a folder (a backup that was restored, a test)
    # count their keys alike.
    folder_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    # How often it was started: jobs of an earlier start count no more.
    attempt = models.PositiveSmallIntegerField(default=1)

    # Written by the first job, before anything is trained: the recipe fitted to the clips ({"recipe", "members",
    # "iterations", "n_folds", "share" of its epochs, "torch"}), the code's version and the digest of the clips, labels
    # and groups that it works on.
    plan: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict, blank=True)
    code_version = models.CharField(max_length=80, blank=True)
    candidates_digest = models.CharField(max_length=64, blank=True)
    # What pages show, see `ml.services.run_summary`; "iterations" grows while the run goes on.
    summary: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict, blank=True)

    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)  # empty again once it is resumed
    finished_at = models.DateTimeField(null=True, blank=True)  # its predictions are complete

    class Meta:
        verbose_name = _("verification run")
        verbose_name_plural = _("verification runs")
        ordering = ("dataset", "-number")
        constraints = (
            models.UniqueConstraint(fields=["dataset", "number"], name="run_number_unique"),
            models.CheckConstraint(condition=Q(number__gte=1) & Q(attempt__gte=1), name="run_numbers_from_one"),
            models.CheckConstraint(condition=Q(precision__gt=0) & Q(precision__lte=1), name="run_precision_is_share"),
            models.CheckConstraint(
                condition=Q(budget_minutes__isnull=True) | Q(budget_minutes__gt=0), name="run_budget_positive"
            ),
            models.CheckConstraint(condition=Q(device__in=RunDevice.values), name="run_device_known"),
            models.CheckConstraint(
                condition=Q(finished_at__isnull=True)
                | (Q(cancelled_at__isnull=True) & ~Q(candidates_digest="") & ~Q(code_version="")),
                name="run_finished_is_described",
            ),
        )

    def __str__(self) -> str:
        return f"{self.dataset} verification {self.number}"

    @property
    def key(self) -> str:
        """The beginning of the keys of this start's jobs."""
        return f"verification-{self.number}/attempt-{self.attempt}"
