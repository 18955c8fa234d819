"""The losses of five steps of every network, as they were when they were last looked at.

A change of layers, their order, first weights, dropout or gradients shows here, even one that still learns. Networks
are those of the papers with few channels, since full ones take minutes. If the change is meant, write the file anew,
look at the difference and commit it::

    EARMARK_WRITE_GOLDEN=1 python -m pytest tests/ml/test_golden_networks.py
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from ml.networks import vgg16
from ml.networks.registry import NETWORKS, build
from ml.training.clips import ClipFeatures
from ml.training.config import TrainingConfig
from ml.training.loop import train
from tests.ml.networks.test_registry import CLASSES, SMALL

GOLDEN = Path(__file__).parents[1] / "golden" / "network_losses.json"
TOLERANCE = 1e-3  # processors round differently, and five steps amplify that
TRIED = {"trunk-head": ({"n_bands": 12, "hidden": 6}, (1, 3, 12)), **SMALL}
CLIPS = 6
STEPS = 5


def clips_for(name: str) -> ClipFeatures:
    """Make clips a few frames longer than an excerpt, each class with a ripple of its own along the bands."""
    channels, frames, bands = TRIED[name][1]
    random = np.random.default_rng(4)
    label_N = np.arange(CLIPS) % CLASSES
    ripple_KM = np.sin(2 * np.pi * np.arange(bands) / np.array([[3.0], [5.0], [8.0]]))
    spectrograms = [
        (random.normal(size=(channels, frames + 4, bands)) + ripple_KM[label]).astype(np.float32) for label in label_N
    ]
    return ClipFeatures.join(spectrograms, label_N=label_N, n_classes=CLASSES)


def five_losses(name: str) -> list[float]:
    """Train for five epochs of one step.

    Plain gradient descent: Adam would turn a gradient of nothing but rounding, such as that of a bias in front of a
    normalisation, into a whole step. No dropout: torch draws it differently on processors of different makers.
    """
    config = TrainingConfig(
        epochs=STEPS,
        batch_size=CLIPS,
        crop_frames=TRIED[name][1][1],
        optimiser="sgd",
        learning_rate=0.001,
    )
    network = build(name, CLASSES, seed=5, **TRIED[name][0])
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        elif isinstance(module, nn.MultiheadAttention):
            module.dropout = 0.0
    return [record.loss for record in train(network, clips_for(name), config, seed=6, device="cpu").records]


@pytest.fixture(autouse=True)
def _narrow_vgg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vgg16, "STAGES", ((2, 1), (2, 1), (3, 1), (3, 1), (4, 1)))


@pytest.fixture
def golden() -> dict[str, list[float]]:
    if "EARMARK_WRITE_GOLDEN" in os.environ:
        GOLDEN.write_text(json.dumps({name: five_losses(name) for name in TRIED}, indent=1) + "\n")
    read: dict[str, list[float]] = json.loads(GOLDEN.read_text())
    return read


@pytest.mark.parametrize("name", TRIED)
def test_five_steps_lose_what_they_lost(name: str, golden: dict[str, list[float]]) -> None:
    assert five_losses(name) == pytest.approx(golden[name], rel=TOLERANCE)


def test_the_file_has_every_network_and_each_its_own_losses(golden: dict[str, list[float]]) -> None:
    assert golden.keys() == TRIED.keys()
    assert {*NETWORKS} - golden.keys() == {"frozen-trunk"}  # which is somebody's file
    # The two residual networks differ in nothing but their width, which is the same here.
    assert len({tuple(losses) for losses in golden.values()}) == len(golden) - 1
