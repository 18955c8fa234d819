"""Keeping with each prediction what has become of its label: open still, or accepted on the word of its run.

The truth is told by other rows: what people settled by the candidate annotation, what a curator accepted by the last
event. Lists of a million labels cannot ask these of one row after the other until enough are left, so each prediction
keeps the answer, and is told in the transaction that changes it. Whoever changes it has locked the annotations, or
locks them here, so that of a run that ends and a word that is given meanwhile the later one sees the other.
"""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, Subquery

from curation.models import AnnotationState, CandidateAnnotation
from ml.models import Prediction, PredictionBasis, VerificationRun
from ml.selectors.acceptances import acceptances_in_force

PART_ROWS = 500


@transaction.atomic
def refresh_standing(*, annotation_ids: Collection[int]) -> None:
    """Let the predictions of all runs know where some annotations stand now.

    Parameters
    ----------
    annotation_ids : collection of int
        Primary keys; at most some thousands.
    """
    pks = sorted(annotation_ids)
    theirs = CandidateAnnotation.objects.filter(pk__in=pks).order_by().values("dataset")
    runs = list(VerificationRun.objects.filter(dataset__in=theirs).order_by().values_list("pk", flat=True))
    if not runs:
        return
    settled = CandidateAnnotation.objects.filter(pk=OuterRef("annotation"), state=AnnotationState.SETTLED)
    accepted = acceptances_in_force().filter(annotation=OuterRef("annotation"))
    own = accepted.filter(run=OuterRef("run"))
    answered = Q(basis__in=(PredictionBasis.VERIFIED, PredictionBasis.REJECTED))
    closed = answered | Exists(settled) | Exists(accepted)
    for start in range(0, len(pks), PART_ROWS):
        part = pks[start : start + PART_ROWS]
        # Locked in the order in which ratings lock them, so that neither waits for the other for ever.
        locked = CandidateAnnotation.objects.filter(pk__in=part).order_by("pk").select_for_update(no_key=True)
        list(locked.values_list("pk"))
        rows = Prediction.objects.filter(run__in=runs, annotation__in=part)
        rows.filter(closed, is_open=True).stand(is_open=False)
        rows.filter(~closed, is_open=False).stand(is_open=True)
        rows.filter(Q(acceptance__isnull=False) | Exists(own)).stand(acceptance=Subquery(own.values("pk")[:1]))
