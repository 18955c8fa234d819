import pytest
import torch
from torch import nn

from ml.networks.dcase2020_fcnn import FSFCNN, SMALL_FCNN, ConvolutionGroup, FcnnConfig, FcnnNetwork
from ml.networks.parameter_count import count_parameters


def _build(**options: object) -> FcnnNetwork:
    with torch.device("meta"):
        return FcnnNetwork(FcnnConfig(**options)).eval()


def _attention(classes: int) -> int:
    hidden = classes // 2
    return classes * hidden + hidden + hidden * classes + classes


def test_fcnn_has_the_parameters_counted_by_hand() -> None:
    kernels = 25 * 3 * 144 + 9 * (144 * 144 + 144 * 288 + 288 * 288 + 288 * 576 + 3 * 576 * 576) + 576 * 10
    normalisations = 2 * (3 + 2 * 144 + 2 * 288 + 4 * 576)
    assert count_parameters(_build(n_classes=10)).trainable == kernels + normalisations + _attention(10) == 11_780_329


def test_fsfcnn_has_the_parameters_counted_by_hand() -> None:
    kernels = 25 * 3 * 48 + 768 * 10
    kernels += 9 * (48 * 48 + 48 * 96 + 96 * 96 + 96 * 512 + 3 * 512 * 512 + 512 * 768 + 768 * 768)
    normalisations = 2 * (3 + 2 * 48 + 2 * 96 + 4 * 512 + 2 * 768)
    network = _build(n_classes=10, groups=FSFCNN, stride=(2, 1))
    assert count_parameters(network).trainable == kernels + normalisations + _attention(10) == 16_531_913


def test_small_fcnn_has_the_size_of_table_2_at_eight_bytes_a_number() -> None:
    kernels = 25 * 6 * 48 + 9 * (48 * 48 + 48 * 84 + 84 * 84 + 84 * 120 + 120 * 120) + 120 * 3
    normalisations = 2 * (6 + 2 * 48 + 2 * 84 + 2 * 120)
    count = count_parameters(_build(n_classes=3, groups=SMALL_FCNN, n_channels=6)).trainable
    assert count == kernels + normalisations + _attention(3) == 349_438
    assert f"{8 * count / 1e6:.1f}" == "2.8"  # table 2: 2.8M


@pytest.mark.parametrize(("groups", "convolutions"), [(FcnnConfig(n_classes=10).groups, 9), (FSFCNN, 11)])
def test_the_papers_numbers_of_stacked_convolutions(groups: tuple[ConvolutionGroup, ...], convolutions: int) -> None:
    network = _build(n_classes=10, groups=groups)
    assert sum(isinstance(module, nn.Conv2d) for module in network.modules()) == convolutions


def test_fcnn_pools_frames_and_bands_and_fsfcnn_mostly_frames() -> None:
    x_BCTM = torch.zeros(1, 3, 423, 128, device="meta")
    # halved four times each: 423 -> 212 -> 106 -> 53 -> 26 and 128 -> 8
    assert tuple(_build(n_classes=10).layers(x_BCTM).shape) == (1, 576, 26, 8)
    # frames halved five times, bands twice
    fsfcnn = _build(n_classes=10, groups=FSFCNN, stride=(2, 1))
    assert tuple(fsfcnn.layers(x_BCTM).shape) == (1, 768, 13, 32)
    assert fsfcnn.config.shrinkage == (32, 4)


def test_dropout_begins_with_the_fifth_convolution() -> None:
    rates = [module.p for module in _build(n_classes=10).modules() if isinstance(module, nn.Dropout)]
    assert rates == [0, 0, 0, 0, 0.3, 0.3, 0.3, 0.3]


def test_impossible_groups_are_refused() -> None:
    with pytest.raises(ValueError, match=r"dropout = 1"):
        ConvolutionGroup(width=4, dropout=1.0)
    with pytest.raises(ValueError, match=r"groups = \(\)"):
        FcnnConfig(n_classes=3, groups=())
    with pytest.raises(ValueError, match=r"n_bands = 15: expected at least 16"):
        FcnnConfig(n_classes=3, n_bands=15)
