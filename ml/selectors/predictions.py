"""Predictions as lists: what to hear first, and what could be accepted unheard."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, QuerySet

from curation.models import Category
from ml.models import Prediction, VerificationRun
from ml.selectors.acceptances import acceptances_in_force


def predictions_by_priority(run: VerificationRun, category: Category | None = None) -> QuerySet[Prediction]:
    """Return a run's predictions, those that people should hear first first; an index has this order.

    Parameters
    ----------
    run : VerificationRun
        Whose predictions.
    category : Category, optional
        Only of claims of this category.

    Returns
    -------
    QuerySet of Prediction
        With clip and categories, and with ``accepted``, whether a curator has accepted the annotation; take a slice
        of it.
    """
    rows = Prediction.objects.filter(run=run)
    rows = rows.filter(category=category) if category else rows
    rows = rows.select_related("annotation__clip", "category", "predicted")
    return with_acceptance(rows).order_by("-priority", "pk")


def with_acceptance(rows: QuerySet[Prediction]) -> QuerySet[Prediction]:
    """Let predictions tell with ``accepted`` whether a curator has accepted their annotation."""
    return rows.annotate(accepted=Exists(acceptances_in_force().filter(annotation=OuterRef("annotation"))))


def acceptable(run: VerificationRun, *, threshold: float | None = None) -> QuerySet[Prediction]:
    """Return the predictions whose labels a curator could accept now, the surest first.

    Parameters
    ----------
    run : VerificationRun
        Whose predictions.
    threshold : float, optional
        Least probability that the label is right, see `ml.selectors.run_figures.acceptance_preview`; without, whatever
        its probability is.

    Returns
    -------
    QuerySet of Prediction
        Neither settled by people since the run nor accepted already.
    """
    rows = Prediction.objects.filter(run=run, is_open=True, admitted=True).order_by("-p_correct", "pk")
    return rows if threshold is None else rows.filter(p_correct__gte=threshold)
