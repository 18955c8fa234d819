"""Runs as lists for programs show them: many at a time, without what only one run's own page needs."""

from __future__ import annotations

from django.db.models import F, QuerySet

from curation.models import Dataset
from ml.models import VerificationRun
from ml.selectors.run_in_force import number_in_force
from ml.selectors.runs import runs_of


def listed_runs(dataset: Dataset) -> QuerySet[VerificationRun]:
    """Return the runs of a dataset, newest first, without their figures.

    Parameters
    ----------
    dataset : Dataset
        Whose runs.

    Returns
    -------
    QuerySet of VerificationRun
        With ``totals``, the run in four numbers, or None while it goes on; the rest of the summary, with curves and a
        row for each category, stays in the database. With ``in_force``, the number of the run that people review by.
    """
    runs = runs_of(dataset).annotate(totals=F("summary__totals"), in_force=number_in_force())
    return runs.defer("summary")
