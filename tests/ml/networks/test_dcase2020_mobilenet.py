import pytest
import torch

from ml.networks.dcase2020_mobilenet import InvertedResidual, MobileNetConfig, MobileNetNetwork
from ml.networks.parameter_count import count_parameters


def _block(inputs: int, outputs: int) -> int:
    wide = 6 * inputs
    return (inputs * wide + 2 * wide) + (9 * wide + 2 * wide) + (wide * outputs + 2 * outputs)


def test_the_network_has_the_parameters_counted_by_hand_and_the_size_of_table_2() -> None:
    with torch.device("meta"):
        count = count_parameters(MobileNetNetwork(MobileNetConfig(n_classes=3))).trainable
    path = 9 * 6 * 32 + 2 * 32  # first convolution
    path += 3 * _block(32, 32) + _block(32, 40) + 2 * _block(40, 40) + _block(40, 48) + 2 * _block(48, 48)
    path += 48 * 56 + 2 * 56  # last convolution
    assert count == 2 * path + 56 * 48 + 48 * 3 == 398_128
    assert f"{8 * count / 1e6:.1f}" == "3.2"  # table 2: 3.2M


def test_frames_and_bands_are_halved_four_times() -> None:
    with torch.device("meta"):
        network = MobileNetNetwork(MobileNetConfig(n_classes=3)).eval()
        assert tuple(network.low(torch.zeros(1, 6, 461, 64)).shape) == (1, 56, 29, 4)


def test_a_block_of_zeros_passes_its_input_where_it_is_added() -> None:
    x_BCTM = torch.randn(1, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    for added in (True, False):
        block = InvertedResidual(3, 3, expansion=2, stride=1, added=added).eval()
        with torch.no_grad():
            for parameter in block.parameters():
                parameter.zero_()
        assert torch.equal(block(x_BCTM), x_BCTM if added else torch.zeros_like(x_BCTM))


def test_an_odd_number_of_bands_is_refused() -> None:
    with pytest.raises(ValueError, match=r"n_bands = 127: expected an even number"):
        MobileNetConfig(n_classes=3, n_bands=127)
