"""A run on a dataset, job by job: prepare, train the steps of an iteration, join it, and so on to the predictions.

What is done lies in the run's folder and in rows, so that each job may be run again from its beginning, after it was
killed at any point or because a message came twice, and does only what is left: of a finished run, whose folder may be
gone, nothing. Called by workers alone: this imports
torch.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from curation.services.jobs import JobContext, JobFailedError
from ml.recipes.plan import Step
from ml.recipes.run import VerificationRun as EngineRun
from ml.services import accelerator
from ml.services.code_version import code_version
from ml.services.dataset_features import compute_features
from ml.services.open_run import OpenRun, open_run, recipe_plan, settle_labels, settle_plan, settle_trunks, trunk_files
from ml.services.run_ending import finish, store_iterations
from ml.services.run_files import feature_stores
from ml.services.run_jobs import all_steps_done, ask_join, ask_steps, run_of
from ml.training.threads import in_one_thread

LOOK_S = 1.0
DECIMALS = 6  # of losses on pages
STOPPED: dict[str, Any] = {"stopped": True}  # the result of a job whose run was cancelled or started anew


def prepare(context: JobContext) -> dict[str, Any]:
    """Settle labels, trunks, features and plan, then ask for the steps of the iteration that the run has reached.

    Parameters
    ----------
    context : JobContext
        Parameters ``run`` and ``attempt``.

    Returns
    -------
    dict
        Clips of the run, and how many of them had no features yet.
    """
    run = run_of(context.job)
    if run is None:
        return STOPPED
    if run.finished_at is not None:
        return {}
    device = accelerator.device_for(run.device)
    snapshot = settle_labels(run, context)
    settle_trunks(run, context)
    plan = recipe_plan(run, snapshot)
    with accelerator.surviving(device, context):
        computed = compute_features(
            snapshot,
            configs=[member.features for member in plan.members],
            stores=feature_stores(),
            progress=context.progress,
            find_trunks=partial(trunk_files, run, context),
            device=device,
        )
    settle_plan(run, context, snapshot, plan, device=device)
    _ask_next(open_run(run, device=device))
    return {"clips": len(snapshot.candidates), "computed": computed, "code": code_version()}


def do_step(context: JobContext) -> dict[str, Any]:
    """Train and predict one step, or what an earlier attempt left of it; the last of an iteration asks for the join.

    Parameters
    ----------
    context : JobContext
        Parameters ``run``, ``attempt``, ``iteration``, ``member`` and ``fold``.

    Returns
    -------
    dict
        Epochs, last loss, seconds of training, device, code and notes, such as a batch that was halved.
    """
    run = run_of(context.job)
    if run is None:
        return STOPPED
    if run.finished_at is not None:
        return {}
    place = tuple(context.job.parameters[name] for name in ("iteration", "member", "fold"))
    step, device = Step(*place), accelerator.device_for(run.device)
    opened = open_run(run, device=device)
    report = _StepReport(context, opened.engine, step, device)
    with _alone(opened.engine.folder.step_folder(step) / "lock", context), in_one_thread(device):
        _train(opened.engine, step, report, context, device)
    report.tell(done=True)
    if all_steps_done(run, opened.places(step.iteration)):
        ask_join(run, step.iteration)
    return report.result()


def join(context: JobContext) -> dict[str, Any]:
    """Join an iteration, then ask for the next one's steps, or write down what the run found.

    Parameters
    ----------
    context : JobContext
        Parameters ``run``, ``attempt`` and ``iteration``.

    Returns
    -------
    dict
        The number of predictions where the run is finished.

    Raises
    ------
    RuntimeError
        If a step's files cannot be seen here yet; the job is tried again then.
    """
    run = run_of(context.job)
    if run is None:
        return STOPPED
    if run.finished_at is not None:  # in an earlier attempt, which was killed before it could say so
        return {}
    opened, iteration = open_run(run, device="cpu"), context.job.parameters["iteration"]
    if opened.engine.iteration() == iteration and opened.engine.join() is None:
        missing = ", ".join(str(step) for step in opened.engine.open_steps())
        message = f"What these steps found is not in {opened.engine.folder.path}: {missing}."
        raise RuntimeError(message)
    store_iterations(opened, context)
    if opened.engine.iteration() < opened.engine.plan.iterations:
        _ask_next(opened)
        return {}
    return {"predictions": finish(opened, context)}


def _ask_next(opened: OpenRun) -> None:
    iteration, last = opened.engine.iteration(), opened.engine.plan.iterations
    if iteration == last:  # all is joined, and what was found is to be written down
        ask_join(opened.row, last - 1)
    else:
        ask_steps(opened.row, opened.places(iteration))


def _train(engine: EngineRun, step: Step, report: _StepReport, context: JobContext, device: str) -> None:
    try:
        with accelerator.surviving(device, context):
            engine.do(step, on_epoch=lambda *_: report.tell(), should_stop=report.stops)
    except (ValueError, ArithmeticError) as error:  # would come again
        raise JobFailedError(str(error)) from error


class _StepReport:
    """Tells people how a step goes, and the step whether it may go on."""

    def __init__(self, context: JobContext, engine: EngineRun, step: Step, device: str) -> None:
        self._context, self._engine, self._step, self._device = context, engine, step, device
        self._total = engine.plan.training(step).epochs
        self._epochs = engine.folder.read_epochs(step)

    def stops(self) -> bool:
        """Raise if the job was cancelled or lost: nothing but an error leaves the training at once."""
        self._context.progress(len(self._epochs), self._total)
        return False

    def tell(self, *, done: bool = False) -> None:
        """Store losses and notes with the job."""
        self._epochs = self._engine.folder.read_epochs(self._step)
        losses = [round(row["loss"], DECIMALS) for row in self._epochs]
        told = {"losses": losses, "notes": self._notes, "device": self._device}
        self._context.checkpoint({**self._context.job.checkpoint, **told, "done": done})
        self._context.progress(len(self._epochs), self._total)

    def result(self) -> dict[str, Any]:
        """Return what stays with the job."""
        return {
            "epochs": len(self._epochs),
            "loss": self._epochs[-1]["loss"] if self._epochs else None,
            "seconds": round(sum(row["seconds"] for row in self._epochs), 1),
            "device": self._device,
            "code": code_version(),
            "notes": self._notes,
        }

    @property
    def _notes(self) -> list[str]:
        return [note for row in self._epochs for note in row["notes"]]


@contextmanager
def _alone(path: Path, context: JobContext) -> Iterator[None]:
    """Wait until nobody else works at a step: a worker that was taken for dead may wake and go on for a moment."""
    with path.open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                context.progress(0, None)
                time.sleep(LOOK_S)
        yield
