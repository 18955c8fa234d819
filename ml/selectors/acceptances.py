"""Which labels are accepted: those whose last event says so."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, QuerySet

from curation.models import Dataset, Job
from ml.models import AcceptanceEvent, AcceptanceKind, Prediction, VerificationRun

ACCEPT = "verify-accept"  # the kind of job that accepts many labels, or takes them back
MOST_COUNTED = 10_000


def acceptances_in_force() -> QuerySet[AcceptanceEvent]:
    """Return the acceptances that were not taken back, of all datasets; narrow it by annotation or run."""
    later = AcceptanceEvent.objects.filter(annotation=OuterRef("annotation"), pk__gt=OuterRef("pk"))
    return AcceptanceEvent.objects.filter(~Exists(later), kind=AcceptanceKind.ACCEPT).order_by()


def accepted_count(dataset: Dataset) -> int:
    """Return how many labels of a dataset are accepted."""
    return acceptances_in_force().filter(run__dataset=dataset).count()


def accepted_up_to(run: VerificationRun) -> int:
    """Count the labels accepted on the word of a run, up to one more than `MOST_COUNTED`: a page looks at no more."""
    return accepted_by(run).order_by().values("pk")[: MOST_COUNTED + 1].count()


def accepted_by(run: VerificationRun) -> QuerySet[Prediction]:
    """Return the predictions whose labels are accepted on the word of their run, in the order of the acceptances."""
    return Prediction.objects.filter(run=run, acceptance__isnull=False).order_by("acceptance_id")


def bulk_key(run: VerificationRun) -> str:
    """Return the beginning of the keys of jobs that accept labels of a run."""
    return f"verification-{run.number}/"


def bulk_jobs(run: VerificationRun) -> QuerySet[Job]:
    """Return the jobs that accept labels of a run or take them back, the oldest first."""
    beginning = f"{run.dataset.slug}/{bulk_key(run)}"
    return Job.objects.filter(dataset=run.dataset, kind=ACCEPT, key__startswith=beginning).order_by("created_at")
