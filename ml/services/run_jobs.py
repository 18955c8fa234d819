"""Asking for the jobs of a run: each once in a start, none after it was cancelled.

A job asks for the next ones before it ends. It may do so twice, since it may be run again after it was killed, and two
steps that end at the same moment both find that they were the last. The run's row is locked while it asks, so that
whoever cancels or resumes it meanwhile waits, or is seen.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction

from curation.models import Job, JobState
from curation.services.jobs import JobFailedError, enqueue
from ml.models import VerificationRun
from ml.selectors.runs import FEATURES, JOIN, STEP

StepPlace = tuple[int, int, int]  # iteration, member, fold


def ask_features(run: VerificationRun) -> None:
    """Ask for the first job of a start: features, plan, then the steps that are to do."""
    _ask(run, FEATURES, "features", {})


def ask_steps(run: VerificationRun, steps: list[StepPlace]) -> None:
    """Ask for the steps of an iteration; one that was done in an earlier start ends at once."""
    with transaction.atomic():  # all of them or none: the last of them asks for the join
        for iteration, member, fold in steps:
            place = {"iteration": iteration, "member": member, "fold": fold}
            _ask(run, STEP, _step_name(iteration, member, fold), place)


def ask_join(run: VerificationRun, iteration: int) -> None:
    """Ask to join an iteration."""
    _ask(run, JOIN, f"join-{iteration}", {"iteration": iteration})


def all_steps_done(run: VerificationRun, steps: list[StepPlace]) -> bool:
    """Tell whether all steps of an iteration are done in this start.

    A step that ends has said so in its checkpoint before it asks, so that of two that end together the later one sees
    the other.
    """
    keys = {f"{run.dataset.slug}/{run.key}/{_step_name(*place)}" for place in steps}
    rows = Job.objects.filter(kind=STEP, dataset=run.dataset, key__in=keys).values_list("key", "state", "checkpoint")
    return {key for key, state, told in rows if state == JobState.DONE or told.get("done")} == keys


def run_of(job: Job) -> VerificationRun | None:
    """Return the run of a job; None if the run was started again since, or cancelled: nothing is to be done then.

    Raises
    ------
    JobFailedError
        If there is no such run.
    """
    run = VerificationRun.objects.select_related("dataset").filter(pk=job.parameters["run"]).first()
    if run is None:
        raise JobFailedError("The verification run of this job is gone.")
    return run if _goes_on(run, job.parameters["attempt"]) else None


def _ask(run: VerificationRun, kind: str, name: str, parameters: dict[str, Any]) -> None:
    with transaction.atomic():
        locked = VerificationRun.objects.select_for_update(no_key=True).get(pk=run.pk)
        key = f"{run.key}/{name}"
        asked = Job.objects.filter(kind=kind, dataset=run.dataset, key=f"{run.dataset.slug}/{key}")
        if not _goes_on(locked, run.attempt) or asked.exists():
            return
        enqueue(
            kind=kind,
            dataset=run.dataset,
            parameters={"run": run.pk, "attempt": run.attempt, **parameters},
            key=key,
            created_by=run.created_by,
        )


def _goes_on(run: VerificationRun, attempt: int) -> bool:
    return run.cancelled_at is None and run.attempt == attempt


def _step_name(iteration: int, member: int, fold: int) -> str:
    return f"iteration-{iteration}-member-{member}-fold-{fold}"
