"""Handing the review priority to those who serve clips for rating.

Whoever serves clips orders by a column of the candidate annotation, which this floor fills: by the predictions of the
run in force; 0, and therefore last, where it says nothing or a curator has accepted the label.

People must not rate by half an order. Up to `AT_ONCE` labels have theirs in the transaction in which the run ends; of
more a job takes care, which is asked for in that transaction and which nobody can stop.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from django.db import transaction
from django.db.models import Case, Exists, FloatField, OuterRef, Subquery, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from curation.models import CandidateAnnotation, Dataset
from curation.services.annotations import set_review_priorities
from curation.services.jobs import JobContext, enqueue
from curation.services.summaries import request_summary
from ml.models import Prediction, VerificationRun
from ml.selectors.acceptances import acceptances_in_force
from ml.selectors.run_in_force import run_in_force

ORDER = "verify-order"  # the kind of job that orders the labels of a large dataset
BLOCK_ROWS = AT_ONCE = 2_000


def request_order(*, dataset: Dataset) -> bool:
    """Have the labels of a dataset put in order, in the transaction of whoever changed what the order goes by.

    Parameters
    ----------
    dataset : Dataset
        Whose annotations.

    Returns
    -------
    bool
        True if they are in order now; False if a job will see to it.
    """
    keys = CandidateAnnotation.objects.filter(dataset=dataset).order_by().values_list("pk", flat=True)
    some = list(keys[: AT_ONCE + 1])
    if len(some) > AT_ONCE:
        enqueue(kind=ORDER, dataset=dataset, again=True)
        return False
    with transaction.atomic():
        refresh_reviews(dataset=dataset, annotation_ids=some)
        transaction.on_commit(lambda: request_summary(dataset=dataset))
    return True


def run_order(context: JobContext) -> dict[str, Any]:
    """Put the labels of a dataset in order, as a job; begins where an earlier attempt stopped."""
    reached = dict(context.job.checkpoint)

    def ordered(key: int) -> None:
        reached["ordered"] = key
        context.checkpoint(reached)

    order_reviews(dataset=context.dataset, after=reached.get("ordered", 0), on_block=ordered)
    request_summary(dataset=context.dataset)
    return {}


def order_reviews(*, dataset: Dataset, after: int, on_block: Callable[[int], None]) -> None:
    """Give every candidate annotation of a dataset the priority that the run in force found.

    Parameters
    ----------
    dataset : Dataset
        Whose annotations.
    after : int
        Annotations up to this key have theirs already; 0 for none.
    on_block : callable
        Told the last key of each block inside the transaction that stores it, so that an error undoes the block.
    """
    every = CandidateAnnotation.objects.filter(dataset=dataset).order_by("pk")
    while True:
        with transaction.atomic():
            block = list(every.filter(pk__gt=after).values_list("pk", flat=True)[:BLOCK_ROWS])
            if not block:
                return
            refresh_reviews(dataset=dataset, annotation_ids=block)
            after = block[-1]
            on_block(after)


def refresh_reviews(*, dataset: Dataset, annotation_ids: Collection[int]) -> None:
    """Give some annotations the priority that they have now, after a run, or after they were accepted or taken back.

    Which run is in force is looked up each time: another one may end or be chosen meanwhile.
    """
    run = run_in_force(dataset)
    if run is not None:
        set_review_priorities(annotation_ids=annotation_ids, priority=_priority(run))


def _priority(run: VerificationRun) -> Combinable:
    found = Prediction.objects.filter(run=run, annotation=OuterRef("pk")).values("priority")[:1]
    accepted = acceptances_in_force().filter(annotation=OuterRef("pk"))
    return Case(
        When(Exists(accepted), then=Value(0.0)),
        default=Coalesce(Subquery(found), Value(0.0)),
        output_field=FloatField(),
    )
