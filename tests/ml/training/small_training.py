"""A network, clips and a config so small that a training takes milliseconds; run as a program, such a training.

The tests of resumption and of several processes start this file as ``python -m tests.ml.training.small_training FILE``
and look at the checkpoint that it leaves in FILE.
"""

from __future__ import annotations

import dataclasses
import os
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ml.training import parallel
from ml.training.augmentation import AugmentationConfig
from ml.training.clips import ClipFeatures
from ml.training.config import TrainingConfig
from ml.training.loop import train
from ml.training.losses import LossConfig
from ml.training.records import TrainingResult
from ml.training.windows import WindowConfig

ROOT = Path(__file__).resolve().parents[3]
N_CLASSES = 3
BANDS = 8


class SmallNetwork(nn.Module):
    """Two convolutions and a linear layer, with or without what depends on the company of a clip."""

    def __init__(self, *, seed: int = 0, channels: int = 1, plain: bool = False) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.body = nn.Sequential(
                nn.Conv2d(channels, 4, 3, stride=2, padding=1),
                nn.Identity() if plain else nn.BatchNorm2d(4),
                nn.ReLU(),
                nn.Conv2d(4, 6, 3, stride=2, padding=1),
                nn.ReLU(),
                nn.Dropout(0.0 if plain else 0.2),
            )
            self.head = nn.Linear(6, N_CLASSES)

    def forward(self, x_BCTM: Tensor) -> Tensor:
        scores: Tensor = self.head(self.body(x_BCTM).mean(dim=(2, 3)))
        return scores


def small_clips(count: int = 24, *, seed: int = 0, channels: int = 1) -> ClipFeatures:
    """Make clips of 5 to 40 frames whose class is the third of the bands that is loud; two thirds are verified."""
    rng = np.random.default_rng(seed)
    label_N = np.arange(count) % N_CLASSES
    spectrograms = []
    for label in label_N:
        x_CTM = rng.normal(size=(channels, int(rng.integers(5, 41)), BANDS))
        x_CTM[:, :, 2 * label : 2 * label + 3] += 2.0
        spectrograms.append(x_CTM.astype(np.float32))
    return ClipFeatures.join(spectrograms, label_N=label_N, n_classes=N_CLASSES, verified_N=np.arange(count) % 4 != 1)


def small_config(**changes: Any) -> TrainingConfig:
    """Return a config with a bit of everything that does not need a validation set."""
    config = TrainingConfig(
        epochs=3,
        batch_size=7,
        crop_frames=12,
        learning_rate=1e-2,
        augmentation=AugmentationConfig(mixup_alpha=0.4, mask_frames=0.2, mask_bands=0.2, erasing=0.5),
        loss=LossConfig(smoothing_nonverified=(0.1, 0.3), nonverified_weight=0.7),
        evaluation=WindowConfig(kind="sliding", frames=12, hop=5),
    )
    return dataclasses.replace(config, **changes)


LONG = small_config(epochs=25, ema_decay=0.9, best_epochs=2, metric="accuracy")
SHARED = small_config(
    batch_size=9, best_epochs=2, loss=LossConfig(nonverified_weight=0.7, masking_alpha=0.97, smoothing_verified=0.1)
)


def killed_training(checkpoint: Path) -> None:
    """Train slowly enough to be killed."""
    train(
        SmallNetwork(),
        small_clips(),
        LONG,
        seed=5,
        device="cpu",
        validation=small_clips(9, seed=1),
        checkpoint=checkpoint,
        on_epoch=lambda _: time.sleep(0.02),
    )


def shared_training(checkpoint: Path, info: parallel.LaunchInfo) -> TrainingResult:
    """Train as one of several processes."""
    with parallel.process_group(info, accelerated=False, timeout=timedelta(seconds=60)) as device:
        return train(
            SmallNetwork(plain=True),
            small_clips(),
            SHARED,
            seed=5,
            device=device,
            validation=small_clips(9, seed=1),
            checkpoint=checkpoint,
        )


if __name__ == "__main__":
    place = parallel.launch_info(os.environ)
    torch.set_num_threads(1)
    if place.world_size > 1:
        shared_training(Path(sys.argv[1]), place)
    else:
        killed_training(Path(sys.argv[1]))
