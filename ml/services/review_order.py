"""Handing the review priority to those who serve clips for rating.

Whoever serves clips orders by a column of the candidate annotation, which this floor fills: by the predictions of the
run in force; 0, and therefore last, where it says nothing or a curator has accepted the label.

People must not rate by half an order. Up to `AT_ONCE` labels have theirs in the transaction in which the run ends; of
more a job takes care, which is asked for in that transaction and which nobody can stop.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
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


@dataclass(frozen=True, kw_only=True)
class OrderedUpTo:
    """How far an order has come.

    Attributes
    ----------
    run : int or None
        Primary key of the run whose order it is; None before the first block.
    key : int
        Annotations up to this primary key have their place; 0 for none.
    """

    run: int | None
    key: int


NOTHING_ORDERED = OrderedUpTo(run=None, key=0)


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

    def ordered(reached: OrderedUpTo) -> None:
        context.checkpoint(asdict(reached))

    told = context.job.checkpoint
    reached = OrderedUpTo(run=told.get("run"), key=told.get("key", 0))
    order_reviews(dataset=context.dataset, reached=reached, on_block=ordered)
    request_summary(dataset=context.dataset)
    return {}


def order_reviews(
    *, dataset: Dataset, on_block: Callable[[OrderedUpTo], None], reached: OrderedUpTo = NOTHING_ORDERED
) -> None:
    """Give every candidate annotation of a dataset the priority that the run in force found.

    A job that is taken up again forgets that it was asked for once more meanwhile (`curation.services.job_leases`), so
    that the run in force is compared for each block: if it is another one, all begins again.

    Parameters
    ----------
    dataset : Dataset
        Whose annotations.
    on_block : callable
        Told how far the order has come inside the transaction that stores a block, so that an error undoes the block.
    reached : OrderedUpTo
        How far it had come before.
    """
    every = CandidateAnnotation.objects.filter(dataset=dataset).order_by("pk")
    while True:
        with transaction.atomic():
            Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)  # whoever chooses a run waits, or is seen
            run = run_in_force(dataset)
            if run is None:
                return
            if run.pk != reached.run:
                reached = OrderedUpTo(run=run.pk, key=0)
            block = list(every.filter(pk__gt=reached.key).values_list("pk", flat=True)[:BLOCK_ROWS])
            if not block:
                return
            set_review_priorities(annotation_ids=block, priority=_priority(run))
            reached = OrderedUpTo(run=run.pk, key=block[-1])
            on_block(reached)


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
