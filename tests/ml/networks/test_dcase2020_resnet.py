import pytest
import torch
from torch import nn

from ml.networks.dcase2020_resnet import ResidualBlock, ResnetConfig, ResnetNetwork
from ml.networks.parameter_count import count_parameters


@pytest.mark.parametrize(("width", "count"), [(24, 3_246_108), (48, 12_966_444)])
def test_the_networks_have_the_parameters_counted_by_hand(width: int, count: int) -> None:
    with torch.device("meta"):
        network = ResnetNetwork(ResnetConfig(n_classes=10, width=width))
    stages = 4 * 1 + (2 + 3 * 4) + (2 * 4 + 3 * 16) + (4 * 8 + 3 * 64)  # in squares of the width, times 9
    paths = 2 * (2 * 3 + 9 * 3 * width + 9 * stages * width**2)
    assert count_parameters(network).trainable == paths + 8 * width * 32 * width + 32 * width * 10 == count


def test_each_path_has_seventeen_convolutions_of_three_by_three() -> None:
    with torch.device("meta"):
        network = ResnetNetwork(ResnetConfig(n_classes=10))
    assert sum(isinstance(module, nn.Conv2d) for module in network.low.modules()) == 17


def test_frequency_is_never_pooled() -> None:
    with torch.device("meta"):
        network = ResnetNetwork(ResnetConfig(n_classes=10)).eval()
        # frames: 400 -> 200 -> 200 -> 100 -> 50 -> 25
        assert tuple(network.low(torch.zeros(1, 3, 400, 64)).shape) == (1, 192, 25, 64)


def test_low_and_high_bands_go_separate_ways() -> None:
    network = ResnetNetwork(ResnetConfig(n_classes=2, width=2, n_channels=1, n_bands=8)).eval()
    with torch.no_grad():
        for parameter in network.high.parameters():
            parameter.zero_()
    x_BCTM = torch.randn(1, 1, 16, 8, generator=torch.Generator().manual_seed(0))
    changed_high = x_BCTM.clone()
    changed_high[..., 4:] += 1
    changed_low = x_BCTM.clone()
    changed_low[..., :4] += 1
    assert torch.equal(network(x_BCTM), network(changed_high))
    assert not torch.equal(network(x_BCTM), network(changed_low))


def test_a_block_whose_convolutions_are_zero_passes_its_shortcut() -> None:
    block = ResidualBlock(1, 2, halved=True).eval()
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.zero_()
    x_BCTM = torch.arange(12.0).reshape(1, 1, 4, 3)  # rows 0 1 2, 3 4 5, 6 7 8, 9 10 11
    y_BCTM = block(x_BCTM)
    # windows of 3 x 3 around frames 0 and 2, of which only what lies inside counts: (0 + 1 + 3 + 4) / 4 = 2, ...
    assert y_BCTM[0, 0].tolist() == [[2.0, 2.5, 3.0], [6.5, 7.0, 7.5]]
    assert not y_BCTM[0, 1].any()


def test_an_odd_number_of_bands_is_refused() -> None:
    with pytest.raises(ValueError, match=r"n_bands = 127: expected an even number"):
        ResnetConfig(n_classes=10, n_bands=127)
