"""Asking for background work from outside: what is said is looked at before there is a job."""

from __future__ import annotations

from collections.abc import Mapping

from curation.models import ACTIVE_STATES, Dataset, Job, User
from curation.registry import JobKind, JobWish
from curation.services.job_runner import job_key
from curation.services.jobs import enqueue


class UnusableWishError(ValueError):
    """A wish that cannot be met, now or ever.

    Attributes
    ----------
    field : str
        What of the wish is wrong.
    detail : str
        Why, and what to do about it.
    """

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(f"{field}: {detail}")
        self.field, self.detail = field, detail


class WishBusyError(Exception):
    """The work is being done, but with other parameters than are asked for."""


def ask_for_job(*, kind: JobKind, dataset: Dataset, said: Mapping[str, str], created_by: User) -> Job:
    """Ask for work of a kind that people may ask for; asking twice for the same returns the one job.

    Parameters
    ----------
    kind : JobKind
        Of which `created_by` may ask for work.
    dataset : Dataset
        What the job is about.
    said : mapping of str to str
        What the wish says besides.
    created_by : User
        Who asks.

    Returns
    -------
    Job
        The new row, or the active one.

    Raises
    ------
    UnusableWishError
        If something is said that the kind does not take, left out that it needs, or cannot be used.
    WishBusyError
        If a job under way stands for this one and does otherwise.
    """
    for name in said:
        if name not in kind.keys:
            raise UnusableWishError(
                name, f"{kind.name} takes no {name}. It takes: {', '.join(kind.keys) or 'nothing'}."
            )
    for name in kind.required:
        if name not in said:
            raise UnusableWishError(name, f"{kind.name} needs it.")
    wish = kind.look(said) if kind.look else JobWish()
    # Before as well as after: to ask again for a job that is being stopped would have it run once more.
    under_way = Job.objects.filter(kind=kind.name, key=job_key(dataset, wish.key), state__in=ACTIVE_STATES).first()
    if under_way is not None:
        _check_same(under_way, wish)
    job = enqueue(kind=kind.name, dataset=dataset, parameters=wish.parameters, key=wish.key, created_by=created_by)
    _check_same(job, wish)
    return job


def _check_same(job: Job, wish: JobWish) -> None:
    if job.parameters != wish.parameters:
        other = ", ".join(f"{name} {value}" for name, value in job.parameters.items())
        message = f"Job {job.pk} does this with {other}. Wait until it has ended, or cancel it, and ask again."
        raise WishBusyError(message)
