"""What a run will cost, and how to make it cost less.

Training dominates a run, and its time is that of one step times the steps. One step of each member is therefore timed
on the machine at hand, on numbers drawn at random, before anything is promised.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace

import torch
from torch.nn import functional

from ml.networks.registry import build
from ml.recipes.candidates import CandidateSet
from ml.recipes.plan import Member, Plan
from ml.training.config import TrainingConfig

TIMED_STEPS = 3
JUDGING_SHARE = 0.15  # of the time of training that judging and starting add


def seconds_needed(plan: Plan, candidates: CandidateSet, *, device: str, processes: int) -> float:
    """Estimate the wall-clock seconds of a run.

    Parameters
    ----------
    plan : Plan
        The run.
    candidates : CandidateSet
        Its clips.
    device : str
        Where it would be computed.
    processes : int
        Steps done at the same time.

    Returns
    -------
    float
        Seconds, good to a half.
    """
    trained = int(candidates.trained_N.sum()) * (1 - 1 / plan.n_folds if plan.n_folds > 1 else 1)
    total = 0.0
    for member in plan.members:
        epochs = member.training.epochs + (plan.iterations - 1) * (member.fine_tuning or member.training).epochs
        total += _seconds_per_clip(member, candidates.n_classes, device) * trained * epochs * plan.n_folds
    parallel = min(processes, plan.n_folds * len(plan.members))
    return total * (1 + JUDGING_SHARE) / parallel


def fitted(plan: Plan, share: float) -> Plan:
    """Return a plan with a share of its epochs, at least one in each step."""
    return replace(
        plan,
        members=tuple(
            replace(
                member,
                training=_shorter(member.training, share),
                fine_tuning=member.fine_tuning and _shorter(member.fine_tuning, share),
            )
            for member in plan.members
        ),
    )


def _shorter(training: TrainingConfig, share: float) -> TrainingConfig:
    return replace(training, epochs=max(1, math.floor(training.epochs * share)))


def _seconds_per_clip(member: Member, n_classes: int, device: str) -> float:
    network = build(member.network, n_classes, seed=0, **dict(member.options)).to(device)
    size = member.training.batch_size
    x_BCTM = torch.zeros(size, member.features.n_channels, member.training.crop_frames, member.features.n_bands)
    label_B = torch.zeros(size, dtype=torch.long, device=device)
    optimiser = torch.optim.Adam(network.parameters())
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for number in range(TIMED_STEPS + 1):
            if number == 1:  # the first sets everything up
                begun = time.perf_counter()
            optimiser.zero_grad()
            loss = functional.cross_entropy(network(x_BCTM.to(device)), label_B)
            torch.autograd.backward(loss)
            optimiser.step()
        if device == "cuda":
            torch.cuda.synchronize()
        return (time.perf_counter() - begun) / TIMED_STEPS / size
    finally:
        torch.set_num_threads(threads)
