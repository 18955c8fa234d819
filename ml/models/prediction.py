"""What a run says of one candidate annotation, and why people should hear it early or late.

Stored as it was found and never edited: a later run stores rows of its own.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from curation.models import AppendOnlyModel, AppendOnlyQuerySet, CandidateAnnotation, Category
from ml.models.run import VerificationRun

_SHARES = ("p_correct", "disagreement", "category_need", "unreliability", "priority")


class PredictionBasis(models.TextChoices):
    """What the annotation was to the run."""

    VERIFIED = "verified", _("Verified by people")  # it taught; models that did not hear its group judged it
    CANDIDATE = "candidate", _("Only label of its clip")  # the label that was judged
    OTHER = "other", _("One of several labels")  # taught nothing; judged by the probability of its category
    REJECTED = "rejected", _("Found absent by people")  # wrong; `predicted` is what the clip should have instead


class Prediction(AppendOnlyModel):
    """One run's judgement of one candidate annotation."""

    # Indexed below.
    run = models.ForeignKey(VerificationRun, on_delete=models.PROTECT, related_name="predictions", db_index=False)
    annotation = models.ForeignKey(CandidateAnnotation, on_delete=models.PROTECT, related_name="+", db_index=False)
    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="+", db_index=False)  # claimed
    basis = models.CharField(max_length=12, choices=PredictionBasis)

    p_correct = models.FloatField()  # probability that the claim is right
    # What each member of the ensemble gives the claimed category, in the order of the plan.
    p_members: models.JSONField[list[float], list[float]] = models.JSONField()
    # The category that the run would give, the claim taken into account.
    predicted = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="+", db_index=False)
    # [[category, probability], …]: the three most probable categories, by sound alone.
    top: models.JSONField[list[list[float]], list[list[float]]] = models.JSONField()

    # The parts of the priority beside p_wrong = 1 - p_correct; see `ml.verification.priority`.
    disagreement = models.FloatField()
    category_need = models.FloatField()
    unreliability = models.FloatField()
    change_per_minute = models.FloatField()
    priority = models.FloatField()  # 0 where people have verified or rejected it

    # Whether the recipe lets it be accepted unheard at all, and at the precision that was asked for.
    admitted = models.BooleanField()
    would_accept = models.BooleanField()

    objects = AppendOnlyQuerySet["Prediction"].as_manager()

    class Meta:
        verbose_name = _("prediction")
        verbose_name_plural = _("predictions")
        ordering = ("run", "-priority", "id")
        constraints = (
            models.UniqueConstraint(fields=["run", "annotation"], name="prediction_once_per_run"),
            models.CheckConstraint(condition=Q(basis__in=PredictionBasis.values), name="prediction_basis_known"),
            models.CheckConstraint(
                condition=Q(*((f"{name}__range", (0, 1)) for name in _SHARES)), name="prediction_parts_are_shares"
            ),
            models.CheckConstraint(condition=Q(change_per_minute__gte=0), name="prediction_change_not_negative"),
            models.CheckConstraint(
                condition=Q(would_accept=False) | Q(admitted=True), name="prediction_accepts_the_admitted"
            ),
            models.CheckConstraint(
                condition=Q(admitted=False) | Q(basis=PredictionBasis.CANDIDATE), name="prediction_admits_candidates"
            ),
        )
        indexes = (
            models.Index(fields=["run", "-priority", "id"], name="prediction_by_priority"),
            models.Index(fields=["run", "category", "-priority", "id"], name="prediction_in_category"),
            models.Index(fields=["run", "-p_correct", "id"], condition=Q(admitted=True), name="prediction_to_accept"),
        )

    def __str__(self) -> str:
        return f"{self.run_id} on {self.annotation_id}: {self.p_correct:.3f}"

    @property
    def p_wrong(self) -> float:
        """Probability that the claim is wrong."""
        return 1 - self.p_correct
