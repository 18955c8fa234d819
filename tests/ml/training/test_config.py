from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest

from ml.training.config import TRAINING, TrainingConfig
from ml.training.schedule import ScheduleConfig, learning_rate


@pytest.mark.parametrize("name", sorted(TRAINING))
def test_every_config_comes_back_from_json(name: str) -> None:
    stored = json.loads(json.dumps(asdict(TRAINING[name])))

    assert TrainingConfig.restored(stored) == TRAINING[name]


def test_a_stored_config_may_leave_out_what_has_a_default() -> None:
    stored = {"epochs": 2, "batch_size": 3, "crop_frames": 4, "schedule": {"kind": "step", "milestones": [1]}}

    assert TrainingConfig.restored(stored) == TrainingConfig(
        epochs=2, batch_size=3, crop_frames=4, schedule=ScheduleConfig(kind="step", milestones=(1,))
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"epoch": 1}, "TrainingConfig has no field 'epoch'"), ({"loss": {"eta": 1}}, "LossConfig has no field 'eta'")],
)
def test_unknown_fields_of_a_stored_config_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrainingConfig.restored({**asdict(TRAINING["dorfer"]), **changes})


def rate_at(name: str, *, step: int, steps_per_epoch: int) -> float:
    config = TRAINING[name]
    return learning_rate(
        config.schedule, rate=config.learning_rate, step=step, steps_per_epoch=steps_per_epoch, epochs=config.epochs
    )


def test_rates_are_those_of_the_papers() -> None:
    # Dorfer: half of 1e-3 in the middle of epochs 100 to 500; fine-tuning 2e-4 until epoch 5 of 30.
    assert rate_at("dorfer", step=300, steps_per_epoch=1) == pytest.approx(5e-4)
    assert rate_at("dorfer-finetune", step=5, steps_per_epoch=1) == pytest.approx(2e-4)
    # Iqbal: 5e-4, times 0.9 every 2 epochs.
    assert rate_at("iqbal", step=5, steps_per_epoch=1) == pytest.approx(5e-4 * 0.81)
    # Kong: 1e-3, times 0.9 after every 200 steps, 5,000 steps.
    assert TRAINING["kong"].steps_per_epoch == 200
    assert rate_at("kong", step=401, steps_per_epoch=200) == pytest.approx(1e-3 * 0.81)
    assert TRAINING["kong"].epochs * 200 == 5000
    # Hu et al.: 0.1 at every restart, towards 1e-5 before it.
    assert rate_at("dcase2020", step=126, steps_per_epoch=1) == pytest.approx(0.1)
    assert rate_at("dcase2020", step=126 * 1000 - 1, steps_per_epoch=1000) == pytest.approx(1e-5, rel=1e-2)


def test_fine_tuning_does_without_mixup() -> None:
    assert TRAINING["dorfer"].augmentation.mixup_alpha == 0.3
    assert TRAINING["dorfer-finetune"].augmentation.mixup_alpha == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "epochs = 0: expected at least 1"),
        ({"batch_size": 0}, "batch_size = 0: expected at least 1"),
        ({"crop_frames": 0}, "crop_frames = 0: expected at least 1"),
        ({"steps_per_epoch": 0}, "steps_per_epoch = 0: expected at least 1"),
        ({"patience": 0}, "patience = 0: expected at least 1"),
        ({"best_epochs": 0}, "best_epochs = 0: expected at least 1"),
        ({"clip_frames": 383}, "clip_frames = 383: expected at least 384"),
        ({"learning_rate": 0}, "learning_rate = 0: expected a number above 0"),
        ({"weight_decay": -1}, "weight_decay = -1: expected at least 0"),
        ({"optimiser": "rmsprop"}, "optimiser = 'rmsprop': expected one of adam, sgd"),
        ({"momentum": 0.9}, "momentum = 0.9: expected 0, since adam"),
        ({"ema_decay": 1.1}, "ema_decay = 1.1: expected 0 to 1"),
        ({"metric": "f1"}, "metric = 'f1': expected one of loss, accuracy, map3"),
        ({"precision": "fp16"}, "precision = 'fp16': expected one of fp32, bf16"),
    ],
)
def test_fields_out_of_range_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(TRAINING["dorfer"], **changes)  # type: ignore[arg-type]  # wrong on purpose
