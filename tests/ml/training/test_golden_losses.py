"""The losses of five steps with every paper's config, as they were when they were last looked at.

A change of order, augmentation, loss, schedule or optimiser shows here, even one that still learns. If the change is
meant, write the file anew, look at the difference and commit it::

    EARMARK_WRITE_GOLDEN=1 python -m pytest tests/ml/training/test_golden_losses.py
"""

from __future__ import annotations

import json
import os
from dataclasses import replace

import pytest

from ml.training.config import TRAINING
from ml.training.loop import train
from tests.ml.training.small_training import ROOT, SmallNetwork, small_clips

GOLDEN = ROOT / "tests" / "golden" / "five_step_losses.json"
TOLERANCE = 1e-4


def five_losses(name: str) -> list[float]:
    """Train for five epochs of one step."""
    config = replace(
        TRAINING[name], epochs=5, steps_per_epoch=1, batch_size=9, crop_frames=16, patience=None, learning_rate=0.01
    )
    result = train(SmallNetwork(plain=True), small_clips(), config, seed=11, device="cpu")
    return [record.loss for record in result.records]


@pytest.fixture(scope="module")
def golden() -> dict[str, list[float]]:
    if "EARMARK_WRITE_GOLDEN" in os.environ:
        GOLDEN.write_text(json.dumps({name: five_losses(name) for name in TRAINING}, indent=1) + "\n")
    read: dict[str, list[float]] = json.loads(GOLDEN.read_text())
    return read


@pytest.mark.parametrize("name", TRAINING)
def test_five_steps_lose_what_they_lost(name: str, golden: dict[str, list[float]]) -> None:
    assert five_losses(name) == pytest.approx(golden[name], rel=TOLERANCE)


def test_the_file_has_every_config_and_each_its_own_losses(golden: dict[str, list[float]]) -> None:
    assert golden.keys() == TRAINING.keys()
    # Fine-tuning, CochlScene and ICME 2024 differ in what five steps without validation cannot show.
    assert len({tuple(losses) for losses in golden.values()}) >= len(TRAINING) - 2
