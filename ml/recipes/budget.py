"""What a run will cost, and how to make it cost less.

Training dominates a run, and its time is that of one step times the steps. One step of each member is therefore timed
on the machine at hand, on numbers that stand for excerpts, before anything is promised. It is computed as the run will
be (`ml.training.fitting`), but never compiled: that takes minutes, and the few trainings for which it pays may be done
a fifth sooner.

Shapes: N clips, T clips that are learned from.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace

import torch

from ml.networks.registry import build
from ml.recipes.candidates import Bools, CandidateSet, Floats
from ml.recipes.catalogue import RECIPES
from ml.recipes.plan import Member, Plan, Step
from ml.training.batches import Batch
from ml.training.config import TrainingConfig
from ml.training.fitting import fitted_to
from ml.training.schedule import ScheduleConfig
from ml.training.steps import Stepper
from ml.training.threads import in_one_thread

TIMED_STEPS = 3
ENOUGH_S = 1.0  # of steps; a large network on a processor is slow enough to be timed by one
PROCESSOR_BATCH = 8  # examples cost a processor nearly the same in any batch, and large networks take seconds for each
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
    shared = 1 - 1 / plan.n_folds if plan.n_folds > 1 else 1  # of the clips, by each fold
    at_once = min(processes, plan.n_folds * len(plan.members))
    whole_at_once = min(processes, max(plan.n_whole, 1) * len(plan.members))
    length_s_T = candidates.duration_s_N[_taught(plan, candidates)]
    total = 0.0
    for number, member in enumerate(plan.members):
        epochs = member.training.epochs + (plan.judging - 1) * (member.fine_tuning or member.training).epochs
        examples = _examples_per_epoch(member, length_s_T, shared)
        heard = examples * epochs * plan.n_folds / at_once
        whole = plan.training(Step(plan.judging, number, 0))
        heard += _examples_per_epoch(member, length_s_T, 1) * whole.epochs * plan.n_whole / whole_at_once
        steps = math.ceil(examples / member.training.batch_size) * member.training.epochs
        total += _seconds_per_example(member, candidates.n_classes, device, steps) * heard
    return total * (1 + JUDGING_SHARE)


def fitted(plan: Plan, share: float) -> Plan:
    """Return a plan with a share of its epochs, at least one in each step, and schedules shortened alike."""
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
    epochs = max(1, math.floor(training.epochs * share))
    return replace(training, epochs=epochs, schedule=_scaled(training.schedule, epochs / training.epochs))


def _scaled(schedule: ScheduleConfig, ratio: float) -> ScheduleConfig:
    return replace(
        schedule,
        begin=schedule.begin * ratio,
        every=schedule.every * ratio,
        cycle=schedule.cycle * ratio,
        milestones=tuple(epoch * ratio for epoch in schedule.milestones),
    )


def _taught(plan: Plan, candidates: CandidateSet) -> Bools:
    """Find the clips that the recipe may learn from."""
    taught_N: Bools = candidates.trained_N
    return taught_N | candidates.narrowed_N if RECIPES[plan.recipe].learns_rejected else taught_N


def _examples_per_epoch(member: Member, length_s_T: Floats, shared: float) -> float:
    training, features = member.training, member.features
    if training.steps_per_epoch is not None:
        return training.steps_per_epoch * training.batch_size
    taught = len(length_s_T)
    if training.chunked:
        seconds = training.crop_frames * features.hop_length / features.sample_rate_hz
        taught = sum(max(1, math.ceil(length / seconds)) for length in length_s_T)
    return taught * shared


def _seconds_per_example(member: Member, n_classes: int, device: str, steps: int) -> float:
    place = torch.device(device)
    network = build(member.network, n_classes, seed=0, **dict(member.options))
    features = member.features
    training = fitted_to(
        place, member.training, network=network, channels=features.n_channels, bands=features.n_bands, steps=steps
    )
    training = replace(training, compiled=False)  # which would take minutes for a few steps
    network.to(place)
    layout = torch.channels_last if training.channels_last else torch.contiguous_format
    size = training.batch_size if place.type == "cuda" else min(training.batch_size, PROCESSOR_BATCH)
    shape = (size, features.n_channels, training.crop_frames, features.n_bands)
    batch = Batch(
        x_BCTM=torch.zeros(shape, device=place).contiguous(memory_format=layout),
        target_BK=torch.full((size, n_classes), 1 / n_classes, device=place),
        weight_B=torch.ones(size, device=place),
        verified_B=torch.ones(size, dtype=torch.bool, device=place),
        size=size,
    )
    # As steps are done.
    with in_one_thread(), torch.random.fork_rng(devices=[place] if place.type == "cuda" else []):
        network.to(memory_format=layout)  # type: ignore[call-overload]  # torch's stubs know only one form of it
        stepper = Stepper(network, training, place)
        stepper.step(batch, rate=0.0)  # the first sets everything up
        stepper.mean_loss()  # waits for the device
        begun, timed, passed_s = time.perf_counter(), 0, 0.0
        while timed < TIMED_STEPS and passed_s < ENOUGH_S:
            stepper.step(batch, rate=0.0)
            stepper.mean_loss()
            timed, passed_s = timed + 1, time.perf_counter() - begun
        return passed_s / timed / size
