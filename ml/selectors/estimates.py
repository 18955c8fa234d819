"""The newest estimate of what each recipe would cost, as far as a worker has come with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.utils import timezone

from curation.models import ACTIVE_STATES, Dataset, Job, JobState

ESTIMATE = "verify-estimate"
FRESH = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class RecipeCost:
    """What one recipe would take.

    Attributes
    ----------
    seconds : float or None
        Wall-clock seconds of one worker, good to a half; None if the recipe refuses the labels.
    members, parameters, iterations, folds : int
        Networks, their parameters together, rounds, and folds of each.
    refused : str
        Why it cannot be run, else empty.
    """

    seconds: float | None = None
    members: int = 0
    parameters: int = 0
    iterations: int = 0
    folds: int = 0
    refused: str = ""


@dataclass(frozen=True, kw_only=True)
class TrunkCost:
    """What a pretrained trunk would add to a run.

    Attributes
    ----------
    seconds : float or None
        Wall-clock seconds of one worker: for the clips that it has not heard yet, and for training in whichever recipe
        takes longest; None if it cannot be used.
    numbers, excerpts : int
        Numbers of an embedding, and excerpts that are still to be heard.
    refused : str
        Why it cannot be used, else empty.
    """

    seconds: float | None = None
    numbers: int = 0
    excerpts: int = 0
    refused: str = ""


@dataclass(frozen=True, kw_only=True)
class CostEstimate:
    """What a worker found.

    Attributes
    ----------
    recipes : dict of str to RecipeCost
        Those that are done, by name.
    trunks : dict of str to TrunkCost
        Pretrained trunks that were tried, by the name of their file.
    device : str
        Where steps were timed; empty if nothing has been yet.
    clips : int
        Clips of a run.
    at : datetime
        When it was asked for.
    is_active : bool
        Whether a worker is at it, or will be.
    is_waiting : bool
        Whether no worker has taken it yet.
    is_fresh : bool
        Whether it need not be asked for again by itself.
    error : str
        What stopped it, else empty.
    """

    recipes: dict[str, RecipeCost]
    trunks: dict[str, TrunkCost]
    device: str
    clips: int
    at: datetime
    is_active: bool
    is_waiting: bool
    is_fresh: bool
    error: str


def active_estimates(dataset: Dataset) -> QuerySet[Job]:
    """Return the estimates that wait or are made."""
    return Job.objects.filter(dataset=dataset, kind=ESTIMATE, state__in=ACTIVE_STATES)


def latest_estimate(dataset: Dataset) -> CostEstimate | None:
    """Return the newest estimate of a dataset; None if nobody has asked for one."""
    # One that gave way to a run before it found anything says nothing.
    asked = Job.objects.filter(dataset=dataset, kind=ESTIMATE).exclude(state=JobState.CANCELLED)
    job = asked.order_by("-created_at").first()
    if job is None:
        return None
    found = job.result or job.checkpoint
    return CostEstimate(
        recipes={name: RecipeCost(**cost) for name, cost in found.get("recipes", {}).items()},
        trunks={name: TrunkCost(**cost) for name, cost in found.get("trunks", {}).items()},
        device=found.get("device", ""),
        clips=found.get("clips", 0),
        at=job.created_at,
        is_active=job.state in ACTIVE_STATES,
        is_waiting=job.state == JobState.QUEUED,
        is_fresh=job.state in ACTIVE_STATES or job.created_at > timezone.now() - FRESH,
        error=job.error if job.state == JobState.FAILED else "",
    )
