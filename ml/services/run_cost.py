"""What each recipe would cost on a dataset, found by timing a training step of each of its networks on this machine.

Called by workers alone: this imports torch, which pages do not have. They read what the job has found so far.
"""

from __future__ import annotations

from typing import Any

import torch

from curation.models import Category
from curation.services.jobs import JobContext, JobFailedError
from ml.models import RecipeName, RunDevice
from ml.networks.parameter_count import count_parameters
from ml.networks.registry import build
from ml.recipes.budget import seconds_needed
from ml.recipes.catalogue import RECIPES
from ml.recipes.plan import Plan
from ml.selectors.candidates import claims
from ml.services import accelerator
from ml.services.candidate_snapshot import Snapshot


def estimate(context: JobContext) -> dict[str, Any]:
    """Estimate the time of every recipe for one worker like this one.

    Parameters
    ----------
    context : JobContext
        A job with a dataset.

    Returns
    -------
    dict
        ``device``, ``clips``, ``hours`` of audio and ``recipes``: of each, by name, ``seconds``, ``members``,
        ``parameters``, ``iterations`` and ``folds``, or ``refused`` with the reason. The job's checkpoint has the same,
        growing.

    Raises
    ------
    JobFailedError
        If the labels leave nothing to learn from or to judge.
    """
    assert context.dataset is not None, "the job is only ever asked for with a dataset"  # noqa: S101 -- an invariant
    device = accelerator.device_for(RunDevice.AUTO)
    names = dict(Category.objects.filter(dataset=context.dataset).values_list("pk", "name"))
    try:
        snapshot = Snapshot.of(claims(context.dataset), names)
    except ValueError as error:
        raise JobFailedError(str(error)) from error
    found: dict[str, Any] = {
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "clips": len(snapshot.candidates),
        "hours": round(float(snapshot.candidates.duration_s_N.sum()) / 3600, 3),
        "recipes": {},
    }
    for count, name in enumerate(RecipeName.values):
        context.progress(count, len(RecipeName.values))
        found["recipes"][name] = _cost(name, snapshot, device)
        context.checkpoint(found)
    return found


def _cost(name: str, snapshot: Snapshot, device: str) -> dict[str, Any]:
    try:
        plan = RECIPES[name].plan(snapshot.candidates, sample_rate_hz=snapshot.sample_rate_hz)
    except ValueError as error:
        return {"refused": str(error)}
    return {
        "seconds": round(seconds_needed(plan, snapshot.candidates, device=device, processes=1), 1),
        "members": len(plan.members),
        "parameters": _parameters(plan, snapshot.candidates.n_classes),
        "iterations": plan.iterations,
        "folds": plan.n_folds,
    }


def _parameters(plan: Plan, n_classes: int) -> int:
    return sum(
        count_parameters(build(member.network, n_classes, seed=0, **dict(member.options))).trainable
        for member in plan.members
    )
