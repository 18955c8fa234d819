"""Asking what a run would cost."""

from __future__ import annotations

from curation.models import Dataset, Job, User
from curation.services.jobs import enqueue
from ml.selectors.estimates import ESTIMATE
from ml.services.runs import check_role


def request_estimate(*, dataset: Dataset, by: User) -> Job:
    """Have a worker estimate the time of every recipe.

    Parameters
    ----------
    dataset : Dataset
        Whose labels a run would judge.
    by : User
        A curator or an engineer of the dataset.

    Returns
    -------
    Job
        The new job, or the one that is at it already.

    Raises
    ------
    RunRefusedError
        `not_allowed`.
    """
    check_role(dataset, by)
    return enqueue(kind=ESTIMATE, dataset=dataset, created_by=by)
