"""What each recipe would cost on a dataset, found by timing a training step of each of its networks on this machine.

What a pretrained trunk adds is found beside: hearing the clips that it has not heard yet, and training its heads.

Called by workers alone: this imports torch, which pages do not have. They read what the job has found so far.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import torch

from curation.models import Category
from curation.services.jobs import JobContext, JobFailedError
from ml.features.embedding import EmbeddingConfig
from ml.features.store import FeatureStore
from ml.models import RecipeName, RunDevice
from ml.networks.parameter_count import count_parameters
from ml.networks.registry import build
from ml.recipes.budget import seconds_needed
from ml.recipes.catalogue import RECIPES
from ml.recipes.plan import Plan
from ml.recipes.trunk_members import with_trunks
from ml.selectors.candidates import claims
from ml.services import accelerator
from ml.services.candidate_snapshot import Snapshot
from ml.services.run_files import feature_stores
from ml.services.trunk_embeddings import embedding_config, seconds_per_excerpt, tried_trunk
from ml.services.trunk_files import TrunkDescription, folder_digest, folder_trunk, listed_trunks


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
        ``parameters``, ``iterations`` and ``folds``, or ``refused`` with the reason; and ``trunks``: of each in the
        operator's folder, by name, the ``seconds`` that it adds at most, ``numbers`` of its embeddings and ``excerpts``
        that it has not heard, or ``refused``. The job's checkpoint has the same, growing.

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
        "trunks": {},
    }
    trunks = listed_trunks()
    total = len(RecipeName.values) + len(trunks)
    for count, name in enumerate(RecipeName.values):
        context.progress(count, total)
        found["recipes"][name] = _cost(name, snapshot, device)
        context.checkpoint(found)
    for count, trunk in enumerate(trunks, start=len(RecipeName.values)):
        context.progress(count, total)
        found["trunks"][trunk.name] = _trunk_cost(trunk.name, snapshot, device)
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


def _trunk_cost(name: str, snapshot: Snapshot, device: str) -> dict[str, Any]:
    try:
        path = folder_trunk(name)
        trunk = embedding_config(tried_trunk(TrunkDescription.of(path, digest=folder_digest), path))
        each_s = seconds_per_excerpt(path, trunk, device=device)
    except (ValueError, OSError) as error:
        return {"refused": str(error)}
    candidates = snapshot.candidates
    lacking = set(FeatureStore(feature_stores(), trunk).missing(candidates.key_N))
    duration_s = dict(zip(candidates.key_N, candidates.duration_s_N.tolist(), strict=True))
    excerpts = sum(trunk.n_frames(round(duration_s[key] * trunk.sample_rate_hz)) for key in lacking)
    processes = len(os.sched_getaffinity(0)) if device == "cpu" else 1
    heads_s = max((_head_seconds(name, trunk, snapshot, device) for name in RecipeName.values), default=0.0)
    return {
        "seconds": round(excerpts * each_s / processes + heads_s, 1),
        "numbers": trunk.n_bands,
        "excerpts": excerpts,
    }


def _head_seconds(recipe: str, trunk: EmbeddingConfig, snapshot: Snapshot, device: str) -> float:
    try:
        plan = RECIPES[recipe].plan(snapshot.candidates, sample_rate_hz=snapshot.sample_rate_hz)
    except ValueError:
        return 0.0
    heads = with_trunks(replace(plan, members=()), [trunk], snapshot.candidates)
    return seconds_needed(heads, snapshot.candidates, device=device, processes=1)


def _parameters(plan: Plan, n_classes: int) -> int:
    return sum(
        count_parameters(build(member.network, n_classes, seed=0, **dict(member.options))).trainable
        for member in plan.members
    )
