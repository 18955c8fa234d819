import pytest
import torch

from ml.networks.iqbal import IqbalConfig, IqbalNetwork
from ml.networks.parameter_count import count_parameters

# 1·64 + 64² + 64·128 + 128² + 128·256 + 256² + 256·512 + 3·512² = 1,044,544 pairs of channels, 9 weights each
KERNELS = 9 * 1_044_544
CHANNELS = 2 * (64 + 128 + 256 + 512 + 512)  # 2,944 behind all ten convolutions
RECURRENT = 2 * 3 * (512 * 512 + 512 * 512 + 512)  # two directions, three gates, input and state, one bias


@pytest.mark.parametrize(
    ("gated", "recurrent", "count"),
    [
        (False, False, KERNELS + 3 * CHANNELS + 512 * 41 + 41),
        (True, False, 2 * KERNELS + 4 * CHANNELS + 512 * 41 + 41),
        (False, True, KERNELS + 3 * CHANNELS + RECURRENT + 1024 * 41 + 41),
        (True, True, 2 * KERNELS + 4 * CHANNELS + RECURRENT + 1024 * 41 + 41),
    ],
    ids=["VGG13", "GCNN", "CRNN", "GCRNN"],
)
def test_the_networks_have_the_parameters_counted_by_hand(*, gated: bool, recurrent: bool, count: int) -> None:
    with torch.device("meta"):
        network = IqbalNetwork(IqbalConfig(n_classes=41, gated=gated, recurrent=recurrent))
    assert count_parameters(network).trainable == count


def test_the_docstrings_table_is_right() -> None:
    assert KERNELS + 3 * CHANNELS + 21_033 == 9_430_761
    assert 2 * KERNELS + 4 * CHANNELS + 21_033 == 18_834_601
    assert RECURRENT == 3_148_800
    assert KERNELS + 3 * CHANNELS + RECURRENT + 42_025 == 12_600_553
    assert 2 * KERNELS + 4 * CHANNELS + RECURRENT + 42_025 == 22_004_393


def test_chunks_become_four_frames_of_two_bands_as_in_table_2() -> None:
    with torch.device("meta"):
        network = IqbalNetwork(IqbalConfig(n_classes=41)).eval()
        assert tuple(network.layers(torch.zeros(1, 1, 128, 64)).shape) == (1, 512, 4, 2)


def test_a_closed_gate_lets_nothing_through() -> None:
    network = IqbalNetwork(IqbalConfig(n_classes=2, gated=True, n_bands=2, widths=(2,))).eval()
    convolution, gate, _normalisation = network.layers[:3]
    with torch.no_grad():
        convolution.bias[2:] = -100.0  # the gates of the two channels
    assert gate(convolution(torch.ones(1, 1, 4, 2))).abs().max().item() < 1e-6
