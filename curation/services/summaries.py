"""Making the counts of a dataset's page anew: at once where it is small, by a job where it is not."""

from __future__ import annotations

from time import monotonic
from typing import Any

from django.utils import timezone

from curation.models import Dataset, DatasetSummary, User
from curation.selectors.summaries import compute_summary, is_small
from curation.services.jobs import JobContext, enqueue

SMALL_ROWS = 20_000  # up to here counting takes well under 200 ms


def refresh_summary(*, dataset: Dataset) -> DatasetSummary:
    """Count and store; nothing else changes, so a refresh may be repeated or lost."""
    moment, begun = timezone.now(), monotonic()
    document = compute_summary(dataset)
    document["cost_s"] = round(monotonic() - begun, 3)
    row, _ = DatasetSummary.objects.update_or_create(
        dataset=dataset, defaults={"document": document, "computed_at": moment}
    )
    return row


def request_summary(*, dataset: Dataset, created_by: User | None = None) -> bool:
    """Have a dataset counted.

    Parameters
    ----------
    dataset : Dataset
        Which.
    created_by : User, optional
        Who asked.

    Returns
    -------
    bool
        True if the counts are fresh now; False if a job will count.
    """
    if is_small(dataset, SMALL_ROWS):
        refresh_summary(dataset=dataset)
        return True
    enqueue(kind="summarise", dataset=dataset, created_by=created_by)
    return False


def run_summarise(context: JobContext) -> dict[str, Any]:
    """Count, as a job."""
    assert context.dataset is not None, "the job is only ever asked for with a dataset"  # noqa: S101 -- an invariant
    row = refresh_summary(dataset=context.dataset)
    return {"computed_at": row.computed_at.isoformat()}
