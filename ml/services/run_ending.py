"""What a run leaves in the database: a row for each iteration, then predictions, figures and the order of reviews.

All of it is written by the one job that joins an iteration, in transactions that fail if that job belongs to another
worker, and can be taken up again where it was left.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from django.db import transaction
from django.utils import timezone

from curation.models import Dataset
from curation.services.jobs import JobCancelledError, JobContext
from ml.models import VerificationRun
from ml.selectors.needs import CategoryNeeds, category_needs
from ml.selectors.run_figures import class_table
from ml.services.judged_labels import judged_labels
from ml.services.open_run import OpenRun
from ml.services.review_order import request_order
from ml.services.run_predictions import write_predictions
from ml.services.run_summary import run_summary


def store_iterations(opened: OpenRun, context: JobContext) -> None:
    """Let pages show the iterations that are joined."""
    rows = [opened.engine.folder.read_row(iteration) for iteration in range(opened.engine.iteration())]
    _store_summary(opened.row, context, {**opened.row.summary, "iterations": rows})


def finish(opened: OpenRun, context: JobContext) -> int:
    """Write down what a run found; it is finished when its predictions are complete, and not if it was cancelled.

    With it, in one transaction, people rate in the order that it found, or a job is asked for that sees to it: whoever
    stops the job that joins afterwards changes nothing any more.

    Parameters
    ----------
    opened : OpenRun
        The run, all iterations joined.
    context : JobContext
        The job that joins; its checkpoint says how far an earlier attempt came.

    Returns
    -------
    int
        Annotations that have a prediction.

    Raises
    ------
    JobCancelledError
        If the run was cancelled meanwhile; it is not finished then, and reviews keep their order.
    """
    run, labels = opened.row, judged_labels(opened.engine, opened.snapshot, precision=opened.row.precision)
    if not class_table(run):
        needs = category_needs(run.dataset, opened.snapshot.category_K.tolist())
        _store_summary(run, context, {**run.summary, **run_summary(labels, needs)})
    count, reached = len(labels.place_A), dict(context.job.checkpoint)

    def wrote(place: int) -> None:
        reached["written"] = place
        context.checkpoint(reached)
        context.progress(place, count)

    write_predictions(
        run=run,
        labels=labels,
        needs=_kept_needs(run),
        written=reached.get("written", 0),
        on_block=wrote,
    )
    _end(run, context, reached)
    return count


def _kept_needs(run: VerificationRun) -> CategoryNeeds:
    """Return the needs that were found first: a second attempt must not mix in those of today."""
    rows = class_table(run)
    return CategoryNeeds(need_K=np.array([row.need for row in rows]), quality_K=np.array([row.quality for row in rows]))


def _store_summary(run: VerificationRun, context: JobContext, summary: dict[str, Any]) -> None:
    with transaction.atomic():
        VerificationRun.objects.filter(pk=run.pk).update(summary=summary)
        context.checkpoint(context.job.checkpoint)
    run.summary = summary


def _end(run: VerificationRun, context: JobContext, reached: dict[str, Any]) -> None:
    with transaction.atomic():
        # Before the run's row, as all do who lock both: of a run that ends and another that is chosen meanwhile, the
        # later sees the other.
        Dataset.objects.select_for_update(no_key=True).get(pk=run.dataset_id)
        open_run = VerificationRun.objects.filter(pk=run.pk, cancelled_at__isnull=True, attempt=run.attempt)
        if not open_run.update(finished_at=timezone.now()):
            raise JobCancelledError("The run was cancelled.")
        request_order(dataset=run.dataset)
        context.checkpoint(reached)
