"""Clips per second of each network: a training step as the training loop takes it, and inference as it predicts.

A step draws its batch from clips on the device, mixes and masks it as the network's paper says, goes forward and
backward and updates the weights. Operations are counted with two for a multiply-accumulate, three times the forward
pass for a training step (one pass forward, and backward one for the inputs and one for the weights).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import nn
from train_machine import Machine

from ml.networks.flops import count_multiply_accumulates
from ml.networks.registry import NETWORKS, build
from ml.services.baseline_training import baseline_training
from ml.training.batches import Batch, BatchSource, epoch
from ml.training.clips import ClipFeatures
from ml.training.config import TrainingConfig
from ml.training.prediction import predict
from ml.training.seeds import Purpose, generator
from ml.training.steps import Stepper
from ml.training.windows import WindowConfig

CLASSES = 41  # FSDKaggle2018's
STEP_OPERATIONS = 60e9  # of a batch on a processor, so that a step takes about a second
RATE = 1e-4  # low enough for noise not to drive any network to infinity
PREDICTED = 1024  # clips of one prediction on a GPU; on a processor, a batch


@dataclass(frozen=True)
class Speed:
    """What was measured of a network.

    Attributes
    ----------
    network : str
        Its name.
    batch : int
        Clips of a step.
    multiply_accumulates : int
        Of one clip, forward.
    trained, predicted : float
        Clips per second.
    """

    network: str
    batch: int
    multiply_accumulates: int
    trained: float
    predicted: float

    def training_share(self, peak: float) -> float:
        """Return the share of the peak that a training step reaches."""
        return 6 * self.multiply_accumulates * self.trained / peak

    def inference_share(self, peak: float) -> float:
        """Return the share of the peak that inference reaches."""
        return 2 * self.multiply_accumulates * self.predicted / peak


def measure_network(name: str, machine: Machine, *, batch: int | None, compiled: bool) -> Speed:
    """Measure one network at the input of its paper.

    Parameters
    ----------
    name : str
        One of `ml.services.baseline_training.trainable_networks`.
    machine : Machine
        Where.
    batch : int, optional
        Clips of a step; without, the paper's on a GPU and few on a processor.
    compiled : bool
        Compile the network for training.
    """
    cost = _multiply_accumulates(name)
    config = baseline_training(name, precision=machine.precision)
    if batch is None:
        batch = config.batch_size
        if not machine.accelerated:
            batch = max(2, min(batch, int(STEP_OPERATIONS / (6 * cost))))
    config = replace(config, batch_size=batch, compiled=compiled)
    clips = _clips(name, config, machine, count=2 * batch)
    network = build(name, CLASSES).to(machine.device)
    network.to(memory_format=torch.channels_last)
    trained = batch / _step_seconds(network.train(), clips, config, machine)
    chosen = torch.arange(PREDICTED if machine.accelerated else batch) % len(clips)
    excerpts = WindowConfig(kind="sliding", frames=config.crop_frames, clip_frames=config.crop_frames)

    def predicted() -> object:
        return predict(
            network, clips.subset(chosen.numpy()), excerpts, device=machine.device, precision=machine.precision
        )

    return Speed(name, batch, cost, trained, len(chosen) / machine.seconds(predicted))


def _step_seconds(network: nn.Module, clips: ClipFeatures, config: TrainingConfig, machine: Machine) -> float:
    stepper = Stepper(network, config, machine.device)
    batches = _batches(BatchSource.of(clips, config), machine.device)
    return machine.seconds(lambda: stepper.step(next(batches), rate=RATE))


def _batches(source: BatchSource, device: torch.device) -> Iterator[Batch]:
    for number in itertools.count():
        drawn = generator(0, Purpose.BATCHES, number)
        yield from epoch(source, generator=drawn, rows=slice(None), device=device)


def _clips(name: str, config: TrainingConfig, machine: Machine, *, count: int) -> ClipFeatures:
    """Make noise of the network's shape, half as long again as an excerpt, on the device."""
    entry = NETWORKS[name]
    frames = config.crop_frames * 3 // 2
    drawn = torch.Generator(machine.device).manual_seed(1)
    x_TMC = torch.randn(count * frames, entry.bands, entry.channels, device=machine.device, generator=drawn)
    labels = [number % CLASSES for number in range(count)]
    return ClipFeatures.of_frames(x_TMC.half(), [frames] * count, label_N=labels, n_classes=CLASSES)


def _multiply_accumulates(name: str) -> int:
    entry = NETWORKS[name]
    with torch.device("meta"):
        x_BCTM = torch.zeros(1, entry.channels, baseline_training(name).crop_frames, entry.bands or 1)
        return count_multiply_accumulates(build(name, CLASSES), x_BCTM)
