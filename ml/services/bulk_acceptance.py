"""A curator's word on many labels at once: all that reach a probability, and all of a run taken back.

Labels are taken in blocks, each in its own transaction, so that no page waits for a hundred thousand rows and nobody
who rates is locked out meanwhile. A block that is done needs no second word: whoever begins again goes on with what is
left. Up to `AT_ONCE` labels are taken in the request, more by a job.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from curation.models import User
from curation.services.jobs import JobContext, JobFailedError, enqueue
from ml.models import VerificationRun
from ml.selectors.acceptances import acceptances_in_force
from ml.selectors.predictions import acceptable
from ml.services.acceptance import AcceptanceRefusedError, accept_labels, check_curator, undo_acceptance

ACCEPT = "verify-accept"
AT_ONCE = 2_000
BLOCK_LABELS = 500


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
        `not_curator`, `not_finished` or `bad_threshold`.
    """
    check_curator(run.dataset, by)
    if run.finished_at is None:
        raise AcceptanceRefusedError("not_finished", f"Run {run.number} is not finished; its predictions may change.")
    if not 0 <= threshold <= 1:
        raise AcceptanceRefusedError("bad_threshold", f"threshold is {threshold}: expected 0 to 1.")
    if _more_than(AT_ONCE, acceptable(run, threshold=threshold)):
        return _queue(run, by, {"threshold": threshold})
    return BulkReport(stored=sum(_accept(run, threshold, by)), queued=False)


def undo_all(*, run: VerificationRun, by: User) -> BulkReport:
    """Take back every acceptance on the word of a run.

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
    if _more_than(AT_ONCE, acceptances_in_force().filter(run=run)):
        return _queue(run, by, {"undo": True})
    return BulkReport(stored=sum(_undo(run, by)), queued=False)


def run_bulk(context: JobContext) -> dict[str, Any]:
    """Do what `accept_from` or `undo_all` left to a job.

    Raises
    ------
    JobFailedError
        If the run is gone, or who asked is no curator any more.
    """
    wish = context.job.parameters
    run = VerificationRun.objects.select_related("dataset").filter(pk=wish["run"]).first()
    by = context.job.created_by
    if run is None or by is None:
        raise JobFailedError("The run of this job, or the account that asked for it, is gone.")
    done = 0
    try:
        for stored in _undo(run, by) if wish.get("undo") else _accept(run, wish["threshold"], by):
            done += stored
            context.progress(done, None)
    except AcceptanceRefusedError as error:
        raise JobFailedError(error.detail) from error
    return {"stored": done}


def _queue(run: VerificationRun, by: User, wish: dict[str, Any]) -> BulkReport:
    kind_of_wish = "undo" if wish.get("undo") else f"from-{wish['threshold']!r}"
    enqueue(
        kind=ACCEPT,
        dataset=run.dataset,
        parameters={"run": run.pk, **wish},
        key=f"verification-{run.number}/{kind_of_wish}",
        created_by=by,
    )
    return BulkReport(stored=0, queued=True)


def _accept(run: VerificationRun, threshold: float, by: User) -> Iterator[int]:
    """Accept block after block from the surest down, and no label twice, whoever takes it back meanwhile."""
    rows = acceptable(run, threshold=threshold).values_list("p_correct", "pk", "annotation_id")
    left = rows
    while block := list(left[:BLOCK_LABELS]):
        yield accept_labels(run=run, annotations=[annotation for *_, annotation in block], by=by).stored
        p_correct, pk, _ = block[-1]
        left = rows.filter(Q(p_correct__lt=p_correct) | Q(p_correct=p_correct, pk__gt=pk))


def _undo(run: VerificationRun, by: User) -> Iterator[int]:
    rows = acceptances_in_force().filter(run=run).order_by("pk").values_list("pk", "annotation_id")
    after = 0
    while block := list(rows.filter(pk__gt=after)[:BLOCK_LABELS]):
        yield undo_acceptance(run=run, annotations=[annotation for _, annotation in block], by=by).stored
        after = block[-1][0]


def _more_than(count: int, rows: Any) -> bool:
    return bool(rows.order_by().values("pk")[: count + 1].count() > count)
