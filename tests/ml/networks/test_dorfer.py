import pytest
import torch
from torch import nn

from ml.networks.dorfer import DorferConfig, DorferNetwork
from ml.networks.parameter_count import ParameterCount, count_parameters


def test_the_network_has_the_papers_14865124_parameters() -> None:
    with torch.device("meta"):
        network = DorferNetwork(DorferConfig(n_classes=41))
    kernels = sum(module.weight.numel() for module in network.modules() if isinstance(module, nn.Conv2d))
    channels = sum(module.num_features for module in network.modules() if isinstance(module, nn.BatchNorm2d))
    # 64·2 + 128·2 + 256·2 + 384·2 + 512·6 + 41
    assert channels == 4_777
    assert kernels + 4 * channels == 14_865_124
    assert count_parameters(network) == ParameterCount(trainable=14_855_570, frozen=0, statistics=9_554)
    assert count_parameters(network).total == 14_865_124


def test_the_papers_excerpts_become_maps_of_four_by_six() -> None:
    with torch.device("meta"):
        network = DorferNetwork(DorferConfig(n_classes=41)).eval()
        maps = network.class_maps(network.layers(torch.zeros(1, 1, 384, 128)))
    assert tuple(maps.shape) == (1, 41, 4, 6)


def test_whole_spectrograms_of_3000_frames_are_taken() -> None:
    with torch.device("meta"):
        network = DorferNetwork(DorferConfig(n_classes=41)).eval()
        assert tuple(network(torch.zeros(2, 1, 3000, 128)).shape) == (2, 41)


def test_192_frames_are_the_fewest() -> None:
    with torch.device("meta"):
        network = DorferNetwork(DorferConfig(n_classes=41)).eval()
        assert tuple(network(torch.zeros(1, 1, 192, 128)).shape) == (1, 41)
        with pytest.raises(ValueError, match="at least 192 frames"):
            network(torch.zeros(1, 1, 191, 128))


def test_48_bands_are_the_fewest() -> None:
    with torch.device("meta"):
        network = DorferNetwork(DorferConfig(n_classes=41, n_bands=48)).eval()
        assert tuple(network(torch.zeros(1, 1, 192, 48)).shape) == (1, 41)
    with pytest.raises(ValueError, match=r"n_bands = 47: expected at least 48"):
        DorferConfig(n_classes=41, n_bands=47)
