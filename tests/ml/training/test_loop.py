from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ml.metrics import map_at_k
from ml.training.augmentation import AugmentationConfig
from ml.training.config import TrainingConfig
from ml.training.loop import train
from ml.training.losses import LossConfig
from ml.training.prediction import predict
from ml.training.records import EpochRecord, TrainingResult
from ml.training.schedule import ScheduleConfig
from ml.training.windows import WindowConfig
from tests.ml.training.small_training import SmallNetwork, small_clips, small_config

VALIDATION = small_clips(9, seed=1)


def trained(config: TrainingConfig, *, seed: int = 3, validated: bool = True) -> tuple[nn.Module, TrainingResult]:
    network = SmallNetwork()
    return network, train(
        network, small_clips(), config, seed=seed, device="cpu", validation=VALIDATION if validated else None
    )


def losses(result: TrainingResult) -> list[float]:
    return [record.loss for record in result.records]


def test_a_network_learns() -> None:
    config = small_config(
        epochs=30, metric="accuracy", augmentation=AugmentationConfig(mixup_alpha=0.2), loss=LossConfig()
    )

    network, result = trained(config)

    assert result.ended == "completed"
    assert len(result.records) == 30
    assert losses(result)[-1] < 0.7 * losses(result)[0]
    p_NK = predict(network, VALIDATION, config.evaluation, device="cpu")
    assert float(np.mean(p_NK.argmax(axis=1) == VALIDATION.label_N.numpy())) == 1.0


def test_the_seed_decides_everything() -> None:
    first, same, other = (trained(small_config(), seed=seed) for seed in (3, 3, 4))

    assert losses(first[1]) == losses(same[1])
    assert losses(first[1]) != losses(other[1])
    assert all(torch.equal(one, two) for one, two in zip(first[0].parameters(), same[0].parameters(), strict=True))


def test_the_callers_random_numbers_are_left_alone() -> None:
    torch.manual_seed(8)
    expected = torch.rand(3)
    torch.manual_seed(8)

    trained(small_config(epochs=1))

    assert torch.equal(torch.rand(3), expected)


def test_the_network_ends_with_the_best_weights_ready_to_predict() -> None:
    config = small_config(epochs=8, learning_rate=0.2, best_epochs=3)

    network, result = trained(config)

    by_loss = sorted(result.records, key=lambda record: record.validation["loss"])
    assert [one.epoch for one in result.kept] == [record.epoch for record in by_loss[:3]]
    assert result.kept[0].epoch != 8  # else the last weights would do
    assert not network.training
    p_NK = predict(network, VALIDATION, config.evaluation, device="cpu")
    own_N = p_NK[np.arange(9), VALIDATION.label_N.numpy()]
    assert float(-np.log(own_N).mean()) == pytest.approx(by_loss[0].validation["loss"], rel=1e-6)


def test_validation_measures_are_those_of_the_predictions() -> None:
    config = small_config(epochs=1, metric="map3")

    network, result = trained(config)

    p_NK = predict(network, VALIDATION, config.evaluation, device="cpu")
    found = result.records[0].validation
    label_N = VALIDATION.label_N.numpy()
    assert found["map3"] == pytest.approx(map_at_k(p_NK, label_N))
    assert found["accuracy"] == pytest.approx(np.mean(p_NK.argmax(axis=1) == label_N))
    assert result.kept[0].score == -found["map3"]


def test_a_moving_average_is_what_is_validated_and_kept() -> None:
    network, result = trained(small_config(epochs=2, ema_decay=0.5, best_epochs=2))
    plain, _ = trained(small_config(epochs=2))

    best = result.kept[0].weights
    assert all(torch.equal(value, best[name]) for name, value in network.state_dict().items())
    assert not torch.equal(network.state_dict()["head.weight"], plain.state_dict()["head.weight"])


def test_training_stops_when_patience_ends() -> None:
    class Stubborn(SmallNetwork):
        """Its scores do not depend on its weights."""

        def forward(self, x_BCTM: Tensor) -> Tensor:
            return super().forward(x_BCTM) * 0

    result = train(
        Stubborn(), small_clips(), small_config(epochs=20, patience=4), seed=0, device="cpu", validation=VALIDATION
    )

    assert result.ended == "patience"
    assert len(result.records) == 5  # the first was the best, four did not better it
    assert result.kept[0].epoch == 1


def test_without_a_validation_set_the_last_epochs_are_kept() -> None:
    _, result = trained(small_config(epochs=5, best_epochs=2), validated=False)

    assert [one.epoch for one in result.kept] == [5, 4]
    assert all(record.validation == {} for record in result.records)


def test_without_a_validation_set_the_last_ends_of_cycles_are_kept() -> None:
    schedule = ScheduleConfig(kind="cosine_restarts", cycle=1, growth=2)

    _, result = trained(small_config(epochs=8, best_epochs=3, schedule=schedule), validated=False)

    assert [one.epoch for one in result.kept] == [8, 7, 3]  # cycles end after 1, 3 and 7; 8 is the last


def test_every_epoch_is_told_with_its_rate() -> None:
    told: list[EpochRecord] = []
    config = small_config(epochs=3, learning_rate=0.1, schedule=ScheduleConfig(kind="step", factor=0.5, every=1))

    result = train(SmallNetwork(), small_clips(), config, seed=0, device="cpu", on_epoch=told.append)

    assert tuple(told) == result.records
    assert [record.epoch for record in told] == [1, 2, 3]
    assert [record.learning_rate for record in told] == pytest.approx([0.1, 0.05, 0.025])
    assert all(record.seconds > 0 and record.part == 7 for record in told)


def test_a_caller_may_stop_within_an_epoch() -> None:
    asked = iter([False] * 6 + [True])

    result = train(SmallNetwork(), small_clips(), small_config(), seed=0, device="cpu", should_stop=lambda: next(asked))

    assert result.ended == "asked"
    assert len(result.records) == 1  # an epoch has 24 / 7, so four steps


def test_halved_batches_are_told() -> None:
    class Cramped(SmallNetwork):
        def forward(self, x_BCTM: Tensor) -> Tensor:
            if len(x_BCTM) > 3:
                raise torch.OutOfMemoryError
            return super().forward(x_BCTM)

    first, second, _ = train(Cramped(), small_clips(), small_config(), seed=0, device="cpu").records

    assert (first.part, second.part) == (3, 3)
    assert first.notes == ("Device memory did not suffice for 6 examples at once; batches are computed in parts of 3.",)
    assert second.notes == ()


def test_a_loss_that_is_not_finite_ends_the_training() -> None:
    config = small_config(learning_rate=1e30, optimiser="sgd")

    with pytest.raises(ArithmeticError, match=r"after epoch \d: try a learning rate below 1e\+30"):
        trained(config)


def test_clips_in_a_file_train_like_clips_in_memory(tmp_path: Path) -> None:
    clips = small_clips()
    np.save(tmp_path / "frames.npy", clips.x_TMC.numpy())
    mapped = replace(clips, x_TMC=torch.from_numpy(np.load(tmp_path / "frames.npy", mmap_mode="c")))

    from_file, from_memory = (
        train(SmallNetwork(), source, small_config(), seed=0, device="cpu") for source in (mapped, clips)
    )

    assert losses(from_file) == losses(from_memory)


def test_layouts_differ_by_rounding_alone() -> None:
    clips = small_clips(channels=2)
    first, second = (
        train(SmallNetwork(channels=2, plain=True), clips, small_config(channels_last=choice), seed=0, device="cpu")
        for choice in (True, False)
    )

    assert losses(first) == pytest.approx(losses(second), rel=1e-4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"validation": small_clips(3).subset([])}, "validation has 0 clips, 0 without a label"),
        ({"validation": replace(VALIDATION, n_classes=4)}, "validation has 4 classes: expected 3"),
        ({"clips": replace(small_clips(), label_N=torch.full((24,), -1))}, "clips has 24 clips, 24 without a label"),
        ({"config": small_config(patience=2)}, "patience = 2: expected a validation set"),
        ({"seed": -1}, "seed = -1: expected at least 0"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(changes: dict[str, object], message: str) -> None:
    arguments = {"clips": small_clips(), "config": small_config(), "seed": 0, "device": "cpu", **changes}

    with pytest.raises(ValueError, match=message):
        train(SmallNetwork(), **arguments)  # type: ignore[arg-type]  # one is wrong on purpose


def test_whole_clips_serve_for_validation() -> None:
    _, result = trained(small_config(epochs=1, evaluation=WindowConfig(kind="whole", frames=12, granule=8)))

    assert 0 < result.records[0].validation["loss"] < 3
