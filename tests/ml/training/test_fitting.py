from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ml.training import fitting, parallel
from ml.training.config import TrainingConfig
from ml.training.fitting import COMPILED_OPERATIONS, fitted_to
from ml.training.loop import train
from ml.training.prediction import predict
from tests.ml.training.small_training import BANDS, SmallNetwork, small_clips, small_config

CUDA = torch.device("cuda")
# Of an excerpt of 12 frames by 8 bands: two convolutions at half and a quarter of the size, and a linear layer.
COST = 6 * 4 * 4 * 9 + 3 * 2 * 6 * 4 * 9 + 6 * 3


def fitted(training: TrainingConfig, *, device: torch.device = CUDA, steps: int = 1) -> TrainingConfig:
    return fitted_to(device, training, network=SmallNetwork(), channels=1, bands=BANDS, steps=steps)


@pytest.fixture
def _bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "computes_bfloat16", lambda _: True)


@pytest.mark.parametrize("training", [small_config(), small_config(precision="bf16", channels_last=False)])
def test_a_processor_computes_a_training_as_it_is(training: TrainingConfig) -> None:
    assert fitted(training, device=torch.device("cpu"), steps=10**15) is training


@pytest.mark.usefixtures("_bfloat16")
def test_an_accelerator_computes_in_bfloat16_with_channels_last_and_learns_the_same() -> None:
    training = small_config(channels_last=False)

    assert fitted(training) == replace(training, precision="bf16", channels_last=True)


def test_an_accelerator_without_bfloat16_keeps_single_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "computes_bfloat16", lambda _: False)

    assert fitted(small_config()).precision == "fp32"


@pytest.mark.usefixtures("_bfloat16")
def test_long_trainings_are_compiled_and_short_ones_are_not() -> None:
    training = small_config(batch_size=8)
    enough = int(COMPILED_OPERATIONS / (6 * COST * 8)) + 1

    assert fitted(training, steps=enough).compiled
    assert not fitted(training, steps=enough - 2).compiled


@pytest.mark.usefixtures("_bfloat16")
def test_several_processes_compile_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "rank_and_size", lambda: (0, 2))

    assert not fitted(small_config(), steps=10**15).compiled


@pytest.mark.usefixtures("_bfloat16")
def test_the_network_stays_what_it_was() -> None:
    network = SmallNetwork().train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)

    fitted_to(CUDA, small_config(), network=network, channels=1, bands=BANDS, steps=1)

    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert torch.equal(torch.rand(1), expected)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no accelerator on this machine")
def test_a_gpu_learns_what_a_processor_learns() -> None:
    clips, found = small_clips(60), []
    for device in (torch.device("cpu"), torch.device("cuda", 0)):
        network = SmallNetwork(plain=True)
        training = fitted_to(
            device, small_config(epochs=20, batch_size=10), network=network, channels=1, bands=BANDS, steps=120
        )
        result = train(network, clips, training, seed=5, device=device)
        p_NK = predict(network, clips, training.evaluation, device=device, precision=training.precision)
        found.append((result.records[-1].loss, (p_NK.argmax(axis=1) == clips.label_N.numpy()).mean()))
    (loss, right), (gpu_loss, gpu_right) = found
    assert gpu_loss == pytest.approx(loss, rel=0.05)
    assert gpu_right == pytest.approx(right, abs=0.05)
