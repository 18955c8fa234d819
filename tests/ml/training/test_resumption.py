from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from ml.training.checkpoint import CheckpointError, write_tensors
from ml.training.clips import ClipFeatures
from ml.training.config import TrainingConfig
from ml.training.loop import train
from ml.training.prediction import predict_average
from ml.training.records import TrainingResult
from tests.ml.training.small_training import LONG, ROOT, SmallNetwork, small_clips, small_config

CLIPS = small_clips(channels=2)
VALIDATION = small_clips(9, seed=1, channels=2)
CONFIGS = {
    "adam": small_config(epochs=4, best_epochs=2, metric="accuracy"),
    "sgd": small_config(epochs=4, optimiser="sgd", momentum=0.9, chunked=True, balanced=True, channels_last=False),
    "average": small_config(epochs=4, ema_decay=0.9, steps_per_epoch=3, patience=2),
}


class Killed(BaseException):
    """Stands in for a signal that nothing catches."""


def training(
    config: TrainingConfig, checkpoint: Path | None, *, killed_at: int | None = None
) -> tuple[nn.Module, TrainingResult]:
    steps = iter(range(10_000))

    def watched() -> bool:
        if next(steps) == killed_at:
            raise Killed
        return False

    network = SmallNetwork(channels=2)
    result = train(
        network,
        CLIPS,
        config,
        seed=5,
        device="cpu",
        validation=VALIDATION,
        checkpoint=checkpoint,
        should_stop=watched,
    )
    return network, result


def assert_same(one: tuple[nn.Module, TrainingResult], other: tuple[nn.Module, TrainingResult]) -> None:
    for name, value in one[0].state_dict().items():
        assert torch.equal(value, other[0].state_dict()[name]), name
    left, right = ([replace(record, seconds=0) for record in result.records] for _, result in (one, other))
    assert left == right
    assert one[1].ended == other[1].ended
    assert [(kept.epoch, kept.score) for kept in one[1].kept] == [(kept.epoch, kept.score) for kept in other[1].kept]
    for left_kept, right_kept in zip(one[1].kept, other[1].kept, strict=True):
        assert all(torch.equal(value, right_kept.weights[name]) for name, value in left_kept.weights.items())


@pytest.mark.parametrize("name", sorted(CONFIGS))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=4, deadline=None)
@given(kills=st.lists(st.integers(1, 12), min_size=1, max_size=3))
def test_a_training_killed_at_any_step_ends_bit_for_bit_the_same(
    tmp_path_factory: pytest.TempPathFactory, name: str, kills: list[int]
) -> None:
    checkpoint = tmp_path_factory.mktemp("killed") / "training.safetensors"
    for step in kills:
        try:
            training(CONFIGS[name], checkpoint, killed_at=step)
        except Killed:
            continue
        break

    assert_same(training(CONFIGS[name], checkpoint), training(CONFIGS[name], None))


def test_a_process_killed_at_random_ends_with_the_same_predictions(tmp_path: Path) -> None:
    checkpoint = tmp_path / "training.safetensors"
    command = [sys.executable, "-m", "tests.ml.training.small_training", str(checkpoint)]
    with subprocess.Popen(command, cwd=ROOT) as process:  # noqa: S603 -- our own program
        try:
            while not checkpoint.exists():
                assert process.poll() is None
                time.sleep(0.01)
            time.sleep(random.uniform(0, 0.5))  # noqa: S311 -- any moment will do
        finally:
            process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL

    def finished(file: Path | None) -> np.ndarray:
        network, validation = SmallNetwork(), small_clips(9, seed=1)
        result = train(network, small_clips(), LONG, seed=5, device="cpu", validation=validation, checkpoint=file)
        assert len(result.records) == LONG.epochs
        weights = [one.weights for one in result.kept]
        return predict_average(network, weights, validation, LONG.evaluation, device="cpu")

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in the killed process
    try:
        np.testing.assert_array_equal(finished(checkpoint), finished(None))
    finally:
        torch.set_num_threads(threads)


def test_a_finished_training_is_not_done_again(tmp_path: Path) -> None:
    checkpoint = tmp_path / "training.safetensors"
    done = training(CONFIGS["adam"], checkpoint)

    again = training(CONFIGS["adam"], checkpoint, killed_at=0)

    assert_same(done, again)


def test_patience_that_ended_stays_ended(tmp_path: Path) -> None:
    config = small_config(epochs=20, patience=1, learning_rate=0.3)
    checkpoint = tmp_path / "training.safetensors"
    done = training(config, checkpoint)
    assert done[1].ended == "patience"

    assert_same(done, training(config, checkpoint, killed_at=0))


def test_parts_halved_before_the_kill_stay_halved(tmp_path: Path) -> None:
    class Cramped(SmallNetwork):
        def forward(self, x_BCTM: Tensor) -> Tensor:
            if len(x_BCTM) > 3:
                raise torch.OutOfMemoryError
            return super().forward(x_BCTM)

    checkpoint, steps = tmp_path / "training.safetensors", iter(range(100))
    arguments = {"clips": CLIPS, "config": small_config(), "seed": 5, "device": "cpu", "checkpoint": checkpoint}
    train(Cramped(channels=2), **arguments, should_stop=lambda: next(steps) == 6)  # type: ignore[arg-type]  # mixed

    result = train(SmallNetwork(channels=2), **arguments)  # type: ignore[arg-type]  # mixed

    assert [record.part for record in result.records] == [3, 3, 3]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"config": replace(CONFIGS["adam"], batch_size=8)}, "another config: batch_size was 7, is 8"),
        ({"seed": 6}, "another seed: it was 5, is 6"),
        ({"clips": CLIPS.subset(range(23))}, "another clips: it was"),
        ({"validation": None}, "another validation: it was [0-9a-f]+, is none"),
        ({"network": SmallNetwork(channels=1)}, "it belongs to another network"),
    ],
)
def test_a_checkpoint_of_another_training_is_refused(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    checkpoint = tmp_path / "training.safetensors"
    training(CONFIGS["adam"], checkpoint)
    arguments: dict[str, object] = {
        "network": SmallNetwork(channels=2),
        "clips": CLIPS,
        "config": CONFIGS["adam"],
        "seed": 5,
        "validation": VALIDATION,
        **changes,
    }

    with pytest.raises(CheckpointError, match=message):
        train(device="cpu", checkpoint=checkpoint, **arguments)  # type: ignore[arg-type]  # mixed on purpose


@pytest.mark.parametrize(("name", "killed_at"), [("adam", 9), ("average", 7)])
def test_a_training_goes_on_in_other_arithmetic_and_says_so(tmp_path: Path, name: str, killed_at: int) -> None:
    checkpoint = tmp_path / "training.safetensors"
    with pytest.raises(Killed):
        training(replace(CONFIGS[name], precision="bf16"), checkpoint, killed_at=killed_at)

    network, result = training(replace(CONFIGS[name], channels_last=False), checkpoint)

    done = [record for record in result.records if not record.notes]
    (told,) = (record for record in result.records if record.notes)
    assert len(result.records) == 4
    assert told.epoch == 3
    assert told.notes == (
        "Goes on after epoch 2 with other arithmetic: channels_last was True, is False; precision was bf16, is fp32.",
    )
    # The first epochs are those of the one arithmetic, the others nearly those of the other.
    _, whole = training(CONFIGS[name], None)
    assert done[0].loss != whole.records[0].loss
    for record, same in zip(result.records, whole.records, strict=True):
        assert record.loss == pytest.approx(same.loss, rel=0.05)
    assert all(value.dtype == torch.float32 for value in network.parameters())


def test_a_training_begun_before_compiling_goes_on_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "compile", lambda network: network)  # what is compiled is not the question here
    checkpoint = tmp_path / "training.safetensors"
    with pytest.raises(Killed):
        training(CONFIGS["adam"], checkpoint, killed_at=9)

    _, result = training(replace(CONFIGS["adam"], compiled=True), checkpoint)

    assert [record.notes for record in result.records if record.notes] == [
        ("Goes on after epoch 2 with other arithmetic: compiled was False, is True.",)
    ]


def test_another_file_is_refused(tmp_path: Path) -> None:
    checkpoint = tmp_path / "weights.safetensors"
    write_tensors(checkpoint, {"w": torch.zeros(1)}, {})

    with pytest.raises(CheckpointError, match="its format is None: expected 'earmark training 1'"):
        training(CONFIGS["adam"], checkpoint)


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    checkpoint = tmp_path / "training.safetensors"
    training(CONFIGS["adam"], checkpoint)
    checkpoint.write_bytes(checkpoint.read_bytes()[:-7])

    with pytest.raises(CheckpointError, match="the file is damaged"):
        training(CONFIGS["adam"], checkpoint)


def test_the_features_have_no_place_in_a_fingerprint() -> None:
    louder: ClipFeatures = replace(CLIPS, x_TMC=CLIPS.x_TMC + 1)

    assert louder.fingerprint() == CLIPS.fingerprint()
