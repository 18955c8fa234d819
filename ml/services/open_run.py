"""Opening a run on a dataset: the labels it works on, its plan, and the engine that does it.

Labels and plan are settled by the run's first job and only read afterwards. Whatever was settled is compared with what
is found, so that no run goes on with other labels, or with code that would train something else.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from django.db import transaction

from curation.domain.sentences import parts_of
from curation.models import Category
from curation.services.jobs import JobContext, JobFailedError
from ml.features.embedding import EmbeddingConfig
from ml.models import VerificationRun
from ml.recipes.budget import fitted, seconds_needed
from ml.recipes.catalogue import RECIPES
from ml.recipes.local import LocalRun
from ml.recipes.plan import Plan
from ml.recipes.run import VerificationRun as EngineRun
from ml.recipes.trunk_members import with_trunks
from ml.selectors.candidates import claims, imports_clips
from ml.services.candidate_snapshot import Snapshot
from ml.services.code_version import code_version
from ml.services.run_files import feature_stores, run_folder
from ml.services.run_jobs import StepPlace
from ml.services.trunk_embeddings import embedding_config, tried_trunk
from ml.services.trunk_files import TrunkDescription, TrunkFileError, trunk_of_run

SNAPSHOT = "candidates.npz"
SECONDS_PER_MINUTE = 60


@dataclass(frozen=True, eq=False, kw_only=True)
class OpenRun:
    """A run that can be worked at.

    Attributes
    ----------
    row : VerificationRun
        Its row.
    snapshot : Snapshot
        The labels.
    engine : ml.recipes.run.VerificationRun
        What trains and judges.
    """

    row: VerificationRun
    snapshot: Snapshot
    engine: EngineRun

    def places(self, iteration: int) -> list[StepPlace]:
        """List the steps of an iteration."""
        return [(step.iteration, step.member, step.fold) for step in self.engine.plan.steps(iteration)]


def settle_labels(run: VerificationRun, context: JobContext) -> Snapshot:
    """Return the labels that a run works on; the first time, those that the dataset has now.

    Raises
    ------
    JobFailedError
        If they leave nothing to learn from or to judge, or were lost.
    """
    path = run_folder(run) / SNAPSHOT
    if run.candidates_digest:
        return _read(run)
    if not path.exists():
        names = dict(Category.objects.filter(dataset=run.dataset).values_list("pk", "name"))
        try:
            Snapshot.of(claims(run.dataset), names).write(path)
        except ValueError as error:
            importing = imports_clips(run.dataset)
            remedy = " Clips are being imported: resume the run when that job is done." if importing else ""
            raise JobFailedError(str(error) + remedy) from error
    snapshot = Snapshot.read(path)
    _settle(run, context, candidates_digest=snapshot.candidates.digest(), code_version=code_version())
    return snapshot


def settle_trunks(run: VerificationRun, context: JobContext) -> None:
    """Try the run's trunks, the first time, and store how many numbers their embeddings have.

    Raises
    ------
    JobFailedError
        If a trunk is not there, is another one than the run began with, or cannot be used.
    """
    trunks = [TrunkDescription.restored(stored) for stored in run.trunks]
    if all(trunk.numbers for trunk in trunks):
        return
    try:
        tried = [tried_trunk(trunk, trunk_of_run(trunk)) for trunk in trunks]
    except (ValueError, OSError) as error:
        raise context.failure(*parts_of(error)) from error
    _settle(run, context, trunks=[trunk.stored() for trunk in tried])


def trunk_files(
    run: VerificationRun, context: JobContext, configs: Collection[EmbeddingConfig]
) -> dict[EmbeddingConfig, Path]:
    """Find the files of some of the run's trunks on this machine.

    Raises
    ------
    JobFailedError
        If one is not there, or is another one than the run began with.
    """
    trunks = [TrunkDescription.restored(stored) for stored in run.trunks]
    try:
        return {config: trunk_of_run(trunk) for trunk in trunks if (config := embedding_config(trunk)) in configs}
    except (TrunkFileError, OSError) as error:
        raise context.failure(*parts_of(error)) from error


def recipe_plan(run: VerificationRun, snapshot: Snapshot) -> Plan:
    """Fit the run's recipe and its trunks to the labels, epochs as the recipe has them.

    Raises
    ------
    JobFailedError
        If the recipe cannot be fitted.
    """
    trunks = [embedding_config(TrunkDescription.restored(stored)) for stored in run.trunks]
    try:
        plan = RECIPES[run.recipe].plan(snapshot.candidates, sample_rate_hz=snapshot.sample_rate_hz)
        return with_trunks(plan, trunks, snapshot.candidates)
    except ValueError as error:
        raise JobFailedError(str(error)) from error


def settle_plan(run: VerificationRun, context: JobContext, snapshot: Snapshot, plan: Plan, *, device: str) -> None:
    """Store the plan, its epochs cut to what the budget allows one worker with this device."""
    if run.plan:
        return
    share = 1.0
    if run.budget_minutes is not None:
        needed_s = seconds_needed(plan, snapshot.candidates, device=device, processes=1)
        share = min(1.0, run.budget_minutes * SECONDS_PER_MINUTE / needed_s)
    document: dict[str, Any] = json.loads(json.dumps(asdict(fitted(plan, share))))
    _settle(run, context, plan={**document, "share": share, "torch": torch.__version__, "device": device})


def open_run(run: VerificationRun, *, device: str) -> OpenRun:
    """Open a run whose labels and plan are settled.

    Raises
    ------
    JobFailedError
        If its folder is gone, or was begun by code that trains something else.
    """
    snapshot = _read(run)
    local = LocalRun(
        folder=run_folder(run),
        stores=feature_stores(),
        plan=fitted(recipe_plan(run, snapshot), run.plan["share"]),
        candidates=snapshot.candidates,
        seed=run.seed,
        device=device,
    )
    try:
        return OpenRun(row=run, snapshot=snapshot, engine=local.open())
    except ValueError as error:  # the folder's own words are for those who choose one
        message = (
            f"Run {run.number} was begun by other code ({run.code_version}), and what it has done cannot be used by "
            "the code of this worker. Start a new run."
        )
        raise JobFailedError(message) from error


def _read(run: VerificationRun) -> Snapshot:
    path = run_folder(run) / SNAPSHOT
    try:
        snapshot = Snapshot.read(path)
    except FileNotFoundError as error:
        message = (
            f"{path} is gone, and with it what run {run.number} has done. Workers on several machines must share the "
            "data folder. Start a new run."
        )
        raise JobFailedError(message) from error
    if snapshot.candidates.digest() != run.candidates_digest:
        message = f"{path} holds other labels than run {run.number} began with. Start a new run."
        raise JobFailedError(message)
    return snapshot


def _settle(run: VerificationRun, context: JobContext, **values: Any) -> None:
    """Store what was settled, unless another worker holds the job."""
    with transaction.atomic():
        VerificationRun.objects.filter(pk=run.pk).update(**values)
        context.checkpoint(context.job.checkpoint)
    for name, value in values.items():
        setattr(run, name, value)
