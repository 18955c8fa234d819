"""The loop that most people would write: features of each clip on the fly in a DataLoader's workers, single precision.

The network and the batch are ours; what differs is the loop around them. Features computed on the fly are computed
again in every epoch, by as many workers as the machine has cores, while the network trains.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count
from time import perf_counter

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from train_features import CLIP_S, INT16_SCALE, noise, plain_log_mel
from train_machine import Machine
from train_networks import CLASSES

from ml.networks.registry import build
from ml.services.baseline_training import baseline_features, baseline_training

CLIPS = 256
PREFETCHED = 2  # batches that a worker holds ready, which would flatter the first steps
FEWEST_STEPS = 8


class PlainClips(Dataset[tuple[Tensor, int]]):
    """Samples in memory, features when a clip is asked for."""

    def __init__(self, network: str) -> None:
        self._features = baseline_features(network)
        self._frames = baseline_training(network).crop_frames
        self._samples_BN = noise(CLIPS, self._features.sample_rate_hz).numpy()
        self._log_mel = plain_log_mel(self._features)

    def __len__(self) -> int:
        return CLIPS

    def __getitem__(self, number: int) -> tuple[Tensor, int]:
        level_MT = self._log_mel(self._samples_BN[number].astype(np.float32) * INT16_SCALE)
        x_CTM = torch.from_numpy(level_MT.T[None, : self._frames].copy())
        return x_CTM / 40, number % CLASSES  # roughly to a deviation of 1


def measure_plain(network: str, machine: Machine, *, batch: int) -> float:
    """Return the clips per second of the plain loop.

    Parameters
    ----------
    network : str
        A network with one channel whose features are as long as its input or longer.
    machine : Machine
        Where; the arithmetic is single precision whatever it says.
    batch : int
        Clips of a step.
    """
    workers = len(os.sched_getaffinity(0))
    loader = DataLoader(
        PlainClips(network),
        batch_size=batch,
        shuffle=True,
        drop_last=True,
        num_workers=workers,
        persistent_workers=True,
        prefetch_factor=PREFETCHED,
        pin_memory=machine.accelerated,
    )
    model = build(network, CLASSES).to(machine.device).train()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-4)
    batches = _batches(loader)
    for _ in range(PREFETCHED * workers + 1):
        _step(model, optimiser, *next(batches), machine.device)
    machine.wait()
    start, steps = perf_counter(), 0
    while steps < FEWEST_STEPS or perf_counter() - start < 3 * machine.budget_s:
        _step(model, optimiser, *next(batches), machine.device)
        steps += 1
    machine.wait()
    return steps * batch / (perf_counter() - start)


def features_share(real_time: float, *, trained: float, epochs: int) -> float:
    """Return our clips per second if each clip's features are computed once before so many epochs."""
    return 1 / (1 / trained + CLIP_S / real_time / epochs)


def _batches(loader: DataLoader[tuple[Tensor, int]]) -> Iterator[tuple[Tensor, Tensor]]:
    for _ in count():
        yield from loader


def _step(
    model: nn.Module, optimiser: torch.optim.Optimizer, x_BCTM: Tensor, label_B: Tensor, device: torch.device
) -> None:
    optimiser.zero_grad()
    loss = nn.functional.cross_entropy(model(x_BCTM.to(device)), label_B.to(device))
    loss.backward()
    optimiser.step()
