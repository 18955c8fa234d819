"""Runs as pages show them: where each stands, by the rows of its jobs.

A run is a chord: one job prepares features and plan, then one for each step of an iteration, then one that joins them
and asks for the next iteration's. Their keys begin with the key of the run's present start, so that jobs of an earlier
start, which may still be stopping, say nothing of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import attrgetter, or_
from typing import Any

from django.db.models import Q, QuerySet, TextChoices
from django.utils.translation import gettext_lazy as _

from curation.models import ACTIVE_STATES, Dataset, Job, JobState
from curation.selectors.words import job_error
from ml.models import VerificationRun

FEATURES, STEP, JOIN = "verify-features", "verify-step", "verify-join"
KINDS = (FEATURES, STEP, JOIN)


class RunState(TextChoices):
    """Where a run stands."""

    QUEUED = "queued", _("Queued")  # no worker has taken it yet
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")  # a job of it ended in an error; it can be resumed
    CANCELLED = "cancelled", _("Cancelled")  # it can be resumed


@dataclass(frozen=True, kw_only=True)
class StepView:
    """One member trained for one fold in one iteration.

    Attributes
    ----------
    iteration, member, fold : int
        From 0.
    state : str
        A value of `JobState`.
    epochs, epochs_total : int
        Epochs done and to do; 0 before it began.
    losses : list of float
        Training loss of each epoch.
    notes : list of str
        What happened besides, such as a batch halved for want of the device's memory.
    error : str
        The last error.
    worker : str
        Who is or was at it.
    """

    iteration: int
    member: int
    fold: int
    state: str
    epochs: int
    epochs_total: int
    losses: list[float]
    notes: list[str]
    error: str
    worker: str


@dataclass(frozen=True, kw_only=True)
class RunView:
    """A run and where it stands.

    Attributes
    ----------
    run : VerificationRun
        The row.
    state : RunState
        Where it stands.
    error : str
        What stopped it, or an attempt of it that is made again; else empty.
    phase : str
        Kind of the job under way, empty if there is none.
    phase_done, phase_total : int
        How far that job is, in clips, epochs or labels; 0 where it is not known.
    works : bool
        Whether any job of it waits or runs; some may after another one failed.
    share_done : float
        Share of the training that is done, 0 to 1.
    steps : list of StepView
        Steps of this start, as far as they were asked for, in order.
    """

    run: VerificationRun
    state: RunState
    error: str
    phase: str
    phase_done: int
    phase_total: int
    works: bool
    share_done: float
    steps: list[StepView]

    @property
    def is_active(self) -> bool:
        """Whether it goes on by itself."""
        return self.state in {RunState.QUEUED, RunState.RUNNING}

    @property
    def epochs_share(self) -> float | None:
        """Share of the recipe's epochs that it trains, 0 to 1; None until a worker has planned it."""
        share: float | None = self.run.plan.get("share")
        return share

    @property
    def can_be_cancelled(self) -> bool:
        """Whether there is something to stop: it goes on, or one of its jobs stopped and others go on."""
        return self.is_active or (self.works and self.run.cancelled_at is None)


def runs_of(dataset: Dataset) -> QuerySet[VerificationRun]:
    """Return the runs of a dataset, newest first; take a slice of it."""
    return VerificationRun.objects.filter(dataset=dataset).select_related("dataset", "created_by").order_by("-number")


def jobs_of(run: VerificationRun) -> QuerySet[Job]:
    """Return the jobs of a run's present start, in the order in which they were asked for."""
    return Job.objects.filter(
        dataset=run.dataset, kind__in=KINDS, key__startswith=f"{run.dataset.slug}/{run.key}/"
    ).order_by("created_at", "id")


def run_views(runs: Sequence[VerificationRun]) -> list[RunView]:
    """Say of some runs of one dataset where they stand, in one query.

    Parameters
    ----------
    runs : sequence of VerificationRun
        From `runs_of`; of finished ones no job is read.

    Returns
    -------
    list of RunView
        In the same order.
    """
    going = [run for run in runs if run.finished_at is None]
    jobs: dict[int, list[Job]] = {run.pk: [] for run in runs}
    if going:
        places = {f"{run.dataset.slug}/{run.key}": run.pk for run in going}
        theirs = reduce(or_, (Q(key__startswith=f"{place}/") for place in places))
        rows = Job.objects.filter(theirs, dataset=going[0].dataset, kind__in=KINDS).order_by("created_at", "id")
        for job in rows:
            jobs[places[job.key.rpartition("/")[0]]].append(job)
    return [_view(run, jobs[run.pk]) for run in runs]


def run_view(run: VerificationRun) -> RunView:
    """Say where one run stands, with its steps even if it is finished, in one query."""
    return _view(run, list(jobs_of(run)))


def _view(run: VerificationRun, jobs: list[Job]) -> RunView:
    active = [job for job in jobs if job.state in ACTIVE_STATES]
    now = next((job for job in active if job.state == JobState.RUNNING), active[-1] if active else None)
    state, error = _state(run, jobs)
    steps = sorted((_step(job) for job in jobs if job.kind == STEP), key=attrgetter("iteration", "member", "fold"))
    return RunView(
        run=run,
        state=state,
        error=error,
        phase=now.kind if now else "",
        phase_done=now.progress_done if now else 0,
        phase_total=(now.progress_total or 0) if now else 0,
        works=bool(active),
        share_done=1.0 if state == RunState.DONE else _share_done(run.plan, steps),
        steps=steps,
    )


def _state(run: VerificationRun, jobs: list[Job]) -> tuple[RunState, str]:
    states = {job.state for job in jobs}
    if run.finished_at is not None:
        return RunState.DONE, ""
    if run.cancelled_at is not None:
        return RunState.CANCELLED, ""
    if JobState.FAILED in states:
        return RunState.FAILED, next(job_error(job) for job in jobs if job.state == JobState.FAILED)
    if JobState.CANCELLED in states:  # one of its jobs, from the page of jobs
        return RunState.CANCELLED, ""
    begun = any(job.attempts or job.state != JobState.QUEUED for job in jobs)
    # What went wrong in an attempt that will be made again is told too.
    error = next((job_error(job) for job in jobs if job.state in ACTIVE_STATES and job.error), "")
    return (RunState.RUNNING if begun else RunState.QUEUED), error


def _step(job: Job) -> StepView:
    told: dict[str, Any] = job.checkpoint
    return StepView(
        iteration=job.parameters["iteration"],
        member=job.parameters["member"],
        fold=job.parameters["fold"],
        state=job.state,
        epochs=job.progress_done,
        epochs_total=job.progress_total or 0,
        losses=told.get("losses", []),
        notes=told.get("notes", []),
        error=job.error,
        worker=job.worker,
    )


def _share_done(plan: dict[str, Any], steps: list[StepView]) -> float:
    """Return the share of all steps that is done; iterations before the first of this start are done."""
    if not plan or not steps:
        return 0.0
    members = len(plan["members"])
    each: int = members * plan["n_folds"]
    begun = sum(
        1.0 if step.state == JobState.DONE else step.epochs / step.epochs_total if step.epochs_total else 0.0
        for step in steps
    )
    # Pages list unfinished runs of older versions too, whose stored plans have no such steps.
    whole: int = members * plan.get("n_whole", 0)
    total: int = each * (plan["iterations"] - bool(whole)) + whole
    return min(1.0, (steps[0].iteration * each + begun) / total)
