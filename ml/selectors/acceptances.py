"""Which labels are accepted: those whose last event says so."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, QuerySet

from curation.models import Dataset
from ml.models import AcceptanceEvent, AcceptanceKind


def acceptances_in_force() -> QuerySet[AcceptanceEvent]:
    """Return the acceptances that were not taken back, of all datasets; narrow it by annotation or run."""
    later = AcceptanceEvent.objects.filter(annotation=OuterRef("annotation"), pk__gt=OuterRef("pk"))
    return AcceptanceEvent.objects.filter(~Exists(later), kind=AcceptanceKind.ACCEPT).order_by()


def accepted_count(dataset: Dataset) -> int:
    """Return how many labels of a dataset are accepted."""
    return acceptances_in_force().filter(run__dataset=dataset).count()
