"""A curator's word on many labels at once: all that reach a probability, and all of a run taken back.

Labels are taken in blocks, each in its own transaction, so that no page waits for a hundred thousand rows and nobody
who rates is locked out meanwhile. A block that is done needs no second word: whoever begins again goes on with what is
left. Up to `AT_ONCE` labels are taken in the request, more by a job.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from curation.models import ACTIVE_STATES, Job, User
from curation.services.jobs import JobContext, JobFailedError, cancel, enqueue
from ml.models import VerificationRun
from ml.selectors.acceptances import ACCEPT, accepted_by, bulk_jobs, bulk_key
from ml.selectors.ordered_rows import after_place
from ml.selectors.predictions import acceptable
from ml.services.acceptance import (
    AcceptanceRefusedError,
    accept_labels,
    check_curator,
    check_in_force,
    undo_acceptance,
)

AT_ONCE = 2_000
BLOCK_LABELS = 500
WAIT_S = 0.5


@dataclass(frozen=True, kw_only=True)
class BulkReport:
    """What became of a word on many labels.

    Attributes
    ----------
    stored : int
        Labels for which an event was stored; 0 if a job will do it.
    queued : bool
        Whether a job will.
    """

    stored: int
    queued: bool


def accept_from(*, run: VerificationRun, threshold: float, by: User) -> BulkReport:
    """Accept unheard every admitted label whose probability of being right reaches a threshold.

    Parameters
    ----------
    run : VerificationRun
        The finished run on whose word they are accepted.
    threshold : float
        Least probability, 0 to 1.
    by : User
        A curator of the dataset.

    Returns
    -------
    BulkReport
        Labels that are accepted already, or that people have settled, are passed over.

    Raises
    ------
    AcceptanceRefusedError
        `not_curator`, `not_finished`, `not_in_force` or `bad_threshold`.
    """
    check_curator(run.dataset, by)
    check_in_force(run)
    if not 0 <= threshold <= 1:
        raise AcceptanceRefusedError("bad_threshold", f"threshold is {threshold}: expected 0 to 1.")
    if _more_than(AT_ONCE, acceptable(run, threshold=threshold)) or _bulk_jobs(run).exists():
        return _queue(run, by, {"threshold": threshold})
    return BulkReport(stored=_accept(run, threshold, by), queued=False)


def undo_all(*, run: VerificationRun, by: User) -> BulkReport:
    """Take back every acceptance on the word of a run, and stop jobs that accept more.

    Parameters
    ----------
    run : VerificationRun
        The run.
    by : User
        A curator of the dataset.

    Returns
    -------
    BulkReport
        How many were taken back.

    Raises
    ------
    AcceptanceRefusedError
        `not_curator`.
    """
    check_curator(run.dataset, by)
    for job in _bulk_jobs(run):
        cancel(job=job)
    # A job that runs stops after its block; what it stores until then is taken back after it.
    if _more_than(AT_ONCE, accepted_by(run)) or _bulk_jobs(run).exists():
        return _queue(run, by, {"undo": True})
    return BulkReport(stored=_undo(run, by), queued=False)


def run_bulk(context: JobContext) -> dict[str, Any]:
    """Do what `accept_from` or `undo_all` left to a job, after the jobs of the run that were asked for earlier.

    Raises
    ------
    JobFailedError
        If the run is gone, or who asked is no curator any more.
    """
    wish = context.job.parameters
    run = VerificationRun.objects.select_related("dataset").defer("summary").filter(pk=wish["run"]).first()
    by = context.job.created_by
    if run is None or by is None:
        raise JobFailedError("The run of this job, or the account that asked for it, is gone.")
    while _bulk_jobs(run).filter(created_at__lt=context.job.created_at).exists():
        context.progress(0, None)  # renews the lease, and raises if this job is cancelled
        time.sleep(WAIT_S)
    try:
        stored = _undo(run, by, context) if wish.get("undo") else _accept(run, wish["threshold"], by, context)
    except AcceptanceRefusedError as error:
        raise JobFailedError(error.detail) from error
    return {"stored": stored}


def _bulk_jobs(run: VerificationRun) -> QuerySet[Job]:
    return bulk_jobs(run).filter(state__in=ACTIVE_STATES)


def _queue(run: VerificationRun, by: User, wish: dict[str, Any]) -> BulkReport:
    kind_of_wish = "undo" if wish.get("undo") else f"from-{wish['threshold']!r}"
    enqueue(
        kind=ACCEPT,
        dataset=run.dataset,
        parameters={"run": run.pk, **wish},
        key=f"{bulk_key(run)}{kind_of_wish}",
        created_by=by,
    )
    return BulkReport(stored=0, queued=True)


def _accept(run: VerificationRun, threshold: float, by: User, context: JobContext | None = None) -> int:
    """Accept block after block from the surest down, and no label twice, whoever takes it back meanwhile."""
    rows = acceptable(run).values_list("p_correct", "pk", "annotation_id")
    reached = _Reached(context)
    while block := after_place(rows, "p_correct", reached.place, most=BLOCK_LABELS, least=threshold):
        with transaction.atomic():
            report = accept_labels(run=run, annotations=[annotation for *_, annotation in block], by=by)
            reached.add(report.stored, block[-1][:2])
    return reached.stored


def _undo(run: VerificationRun, by: User, context: JobContext | None = None) -> int:
    rows = accepted_by(run).values_list("acceptance_id", "annotation_id")
    reached = _Reached(context)
    while block := list(rows.filter(acceptance__gt=reached.place[0] if reached.place else 0)[:BLOCK_LABELS]):
        with transaction.atomic():
            report = undo_acceptance(run=run, annotations=[annotation for _, annotation in block], by=by)
            reached.add(report.stored, block[-1][:1])
    return reached.stored


class _Reached:
    """How far a word has come; kept with the job, if there is one, in the transaction that stores the block."""

    def __init__(self, context: JobContext | None) -> None:
        self._context = context
        told: dict[str, Any] = context.job.checkpoint if context else {}
        self.stored: int = told.get("stored", 0)
        self.place: tuple[Any, ...] | None = tuple(told["place"]) if told.get("place") else None

    def add(self, stored: int, place: tuple[Any, ...]) -> None:
        self.stored, self.place = self.stored + stored, place
        if self._context:
            self._context.checkpoint({"stored": self.stored, "place": list(place)})
            self._context.progress(self.stored, None)


def _more_than(count: int, rows: Any) -> bool:
    return bool(rows.order_by().values("pk")[: count + 1].count() > count)
