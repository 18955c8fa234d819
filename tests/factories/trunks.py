"""Pretrained trunks so small that they are written in a test, and recordings whose class only such a trunk hears."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor, nn

from tests.factories.audio import noise, write_audio
from tests.factories.verification import Row

RATE_HZ = 8_000
SECONDS = 0.2
STEP = 0.1  # of a recording's first sample, for each class
DESCRIPTION = f"sample_rate_hz = {RATE_HZ}\nwindow_s = {SECONDS}\n"


class Knowing(nn.Module):
    """Reads the class off the first sample of each excerpt."""

    def __init__(self, n_classes: int = 3) -> None:
        super().__init__()
        self.n_classes = n_classes

    def forward(self, samples: Tensor) -> Tensor:
        number = (samples[:, 0] / 0.1).round().long().clamp(0, self.n_classes - 1)
        return nn.functional.one_hot(number, self.n_classes).float()


class Levels(nn.Module):
    """Three numbers of each of two halves of an excerpt, as frames that are averaged."""

    def forward(self, samples: Tensor) -> Tensor:
        halves = samples[:, : samples.shape[1] // 2 * 2].reshape(samples.shape[0], 2, -1)
        return torch.stack([halves.mean(dim=2), halves.abs().mean(dim=2), halves.amax(dim=2)], dim=2)


class Squared(nn.Module):
    """Divides by the level of its input, which silence has none of."""

    def forward(self, samples: Tensor) -> Tensor:
        return (samples[:, :4] / samples.abs().amax(dim=1, keepdim=True)) ** 2


class Pair(nn.Module):
    """Gives two tensors, as classifiers do that give scores and embeddings."""

    def forward(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        return samples[:, :2], samples[:, :3]


class Flat(nn.Module):
    """Gives one number for each sample of all excerpts."""

    def forward(self, samples: Tensor) -> Tensor:
        return samples.reshape(-1)


class OneLength(nn.Module):
    """Takes inputs of 100 samples alone."""

    def forward(self, samples: Tensor) -> Tensor:
        return samples.reshape(-1, 100).reshape(samples.shape[0], 100)[:, :2]


def write_trunk(path: Path, network: nn.Module | None = None, *, description: str | None = DESCRIPTION) -> Path:
    """Write a trunk as TorchScript, and what stands beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch recommends other formats for new exports
        torch.jit.script(network if network is not None else Knowing()).save(path)
    if description is not None:
        path.with_suffix(".toml").write_text(description, encoding="utf-8")
    return path


def write_secret_recordings(audio_root: Path, rows: Iterable[Row]) -> None:
    """Write noise that is the same for all classes but for its first sample, which tells the class."""
    for number, row in enumerate(rows):
        k = int(row["clip"].partition("class-")[2].partition("-")[0])
        samples = noise(round(SECONDS * RATE_HZ), seed=number, level=0.3)
        samples[0] = round(STEP * k * 32_768)
        write_audio(audio_root / row["clip"], samples, RATE_HZ)
