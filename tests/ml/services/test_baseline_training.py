from __future__ import annotations

import pytest
import torch

from ml.features.configurations import CONFIGURATIONS
from ml.networks.registry import NETWORKS, build
from ml.services.baseline_training import (
    baseline_features,
    baseline_options,
    baseline_training,
    trainable_networks,
)
from ml.training.windows import plan_windows

CLASSES = 13


def test_all_networks_but_those_of_files_can_be_trained() -> None:
    assert {*NETWORKS} - {*trainable_networks()} == {"frozen-trunk", "trunk-head"}


@pytest.mark.parametrize("name", trainable_networks())
def test_each_network_takes_its_excerpts_of_a_mono_clip(name: str) -> None:
    features, training = baseline_features(name), baseline_training(name)
    with torch.device("meta"):
        network = build(name, CLASSES, **baseline_options(name)).eval()
        x_BCTM = torch.zeros(1, features.n_channels, training.crop_frames, features.n_bands)
        assert tuple(network(x_BCTM).shape) == (1, CLASSES)


@pytest.mark.parametrize("name", trainable_networks())
def test_each_network_takes_what_is_predicted_of_ten_seconds(name: str) -> None:
    features, training = baseline_features(name), baseline_training(name)
    length_N = torch.tensor([features.n_frames(10 * features.sample_rate_hz)])
    windows = plan_windows(length_N, training.evaluation, generator=torch.Generator())
    with torch.device("meta"):
        network = build(name, CLASSES, **baseline_options(name)).eval()
        for frames in set(windows.frames_W.tolist()):
            assert tuple(network(torch.zeros(1, features.n_channels, frames, features.n_bands)).shape) == (1, CLASSES)


def test_cochlscene_hears_the_ten_seconds_of_a_clip_once() -> None:
    training = baseline_training("cochlscene")
    # 441,000 samples hold 499 windows of 1,764 at a hop of 882: (441000 - 1764) / 882 + 1 = 499
    assert CONFIGURATIONS["cochlscene"].n_frames(441_000) == 499
    windows = plan_windows(torch.tensor([499]), training.evaluation, generator=torch.Generator())
    assert (windows.begin_W.tolist(), windows.frames_W.tolist()) == ([0], [499])


def test_cochlscene_is_trained_as_its_paper_says() -> None:
    training = baseline_training("cochlscene")
    assert (training.epochs, training.patience, training.metric) == (100, 10, "accuracy")
    assert (training.optimiser, training.learning_rate) == ("adam", 1e-3)


@pytest.mark.parametrize("name", trainable_networks())
def test_every_training_stops_early_and_keeps_one_epoch(name: str) -> None:
    training = baseline_training(name, epochs=5, precision="bf16")
    assert training.patience is not None
    assert (training.epochs, training.best_epochs, training.precision) == (5, 1, "bf16")


def test_two_microphones_become_one() -> None:
    assert baseline_options("dcase2020-mobilenet") == {"n_channels": 3}  # levels and their two deltas
    assert baseline_options("dcase2020-fcnn") == {}


@pytest.mark.parametrize("name", ["frozen-trunk", "resnet50"])
def test_other_networks_are_refused(name: str) -> None:
    for function in (baseline_features, baseline_training):
        with pytest.raises(ValueError, match=rf"network '{name}': expected one of cochlscene, fsdkaggle2018"):
            function(name)


def test_no_epochs_are_refused() -> None:
    with pytest.raises(ValueError, match="epochs"):
        baseline_training("cochlscene", epochs=0)
