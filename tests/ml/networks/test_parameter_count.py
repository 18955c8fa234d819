from torch import nn

from ml.networks.parameter_count import ParameterCount, count_parameters


def test_trained_frozen_and_running_numbers_are_told_apart() -> None:
    frozen = nn.Linear(3, 2).requires_grad_(requires_grad=False)  # 3·2 + 2 = 8
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), frozen)  # 9·4 + 4 = 40; 2·4 trained, 2·4 running
    assert count_parameters(network) == ParameterCount(trainable=48, frozen=8, statistics=8)
    assert count_parameters(network).total == 64


def test_a_shared_parameter_counts_once() -> None:
    layer = nn.Linear(3, 3)
    assert count_parameters(nn.Sequential(layer, layer)).trainable == 12


def test_a_normalisation_without_scale_has_only_statistics() -> None:
    assert count_parameters(nn.BatchNorm2d(5, affine=False)) == ParameterCount(trainable=0, frozen=0, statistics=10)
