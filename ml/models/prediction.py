"""What a run says of one candidate annotation, and why people should hear it early or late.

Stored as it was found and never edited: a later run stores rows of its own. Beside what was found, a row keeps what has
become of its label since, so that an index has the lists that people look through: the rows of other tables stay the
truth about it, see `ml.services.label_standing`.
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from curation.models import AppendOnlyModel, AppendOnlyQuerySet, CandidateAnnotation, Category
from ml.models.acceptance import AcceptanceEvent
from ml.models.run import VerificationRun

_SHARES = ("p_correct", "disagreement", "category_need", "unreliability", "priority")
_OPEN = Q(is_open=True)
_TO_ACCEPT = Q(is_open=True, admitted=True)
_ACCEPTED = Q(acceptance__isnull=False)


class PredictionBasis(models.TextChoices):
    """What the annotation was to the run."""

    VERIFIED = "verified", _("Verified by people")  # it taught; models that did not hear its group judged it
    CANDIDATE = "candidate", _("Only label of its clip")  # the label that was judged
    OTHER = "other", _("One of several labels")  # taught nothing; judged by the probability of its category
    REJECTED = "rejected", _("Found absent by people")  # wrong; `predicted` is what the clip should have instead


class PredictionQuerySet(AppendOnlyQuerySet["Prediction"]):
    """Predictions, of which only what has become of their labels is ever written again."""

    def stand(self, **standing: Any) -> int:
        """Write ``is_open`` or ``acceptance``; the database refuses every other column."""
        return models.QuerySet.update(self, **standing)


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

    # What has become of the label: whether it still waits for somebody's word, neither verified or settled by people
    # nor accepted by a curator; and the event, if it is accepted now on the word of this run.
    is_open = models.BooleanField(default=True)
    acceptance = models.ForeignKey(
        AcceptanceEvent, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )

    objects = PredictionQuerySet.as_manager()

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
            # The lists that people look through, each with and without a category: what is done with is not in them.
            models.Index(fields=["run", "-priority", "id"], condition=_OPEN, name="prediction_open"),
            models.Index(fields=["run", "category", "-priority", "id"], condition=_OPEN, name="prediction_open_in"),
            models.Index(fields=["run", "-p_correct", "id"], condition=_TO_ACCEPT, name="prediction_to_accept"),
            models.Index(
                fields=["run", "category", "-p_correct", "id"], condition=_TO_ACCEPT, name="prediction_to_accept_in"
            ),
            models.Index(fields=["run", "-acceptance"], condition=_ACCEPTED, name="prediction_accepted"),
            models.Index(fields=["run", "category", "-acceptance"], condition=_ACCEPTED, name="prediction_accepted_in"),
        )

    def __str__(self) -> str:
        return f"{self.run_id} on {self.annotation_id}: {self.p_correct:.3f}"

    @property
    def p_wrong(self) -> float:
        """Probability that the claim is wrong."""
        return 1 - self.p_correct
