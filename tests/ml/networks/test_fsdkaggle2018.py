import torch

from ml.networks.flops import count_multiply_accumulates
from ml.networks.fsdkaggle2018 import FsdKaggle2018Config, FsdKaggle2018Network
from ml.networks.parameter_count import count_parameters


def test_the_baseline_has_the_658100_weights_of_its_release_and_their_biases() -> None:
    with torch.device("meta"):
        network = FsdKaggle2018Network(FsdKaggle2018Config(n_classes=41))
    weights = 49 * 100 + 25 * 100 * 150 + 9 * 150 * 200 + 200 * 41
    assert weights == 658_100
    assert count_parameters(network).trainable == weights + 100 + 150 + 200 + 41


def test_it_costs_the_194_million_products_of_its_release() -> None:
    with torch.device("meta"):
        network = FsdKaggle2018Network(FsdKaggle2018Config(n_classes=41))
        cost = count_multiply_accumulates(network, torch.zeros(1, 1, 25, 64))
    # 25·64·4,900 + 13·32·375,000 + 7·16·270,000 + 8,200
    assert cost == 7_840_000 + 156_000_000 + 30_240_000 + 8_200


def test_the_loudest_moment_decides_whenever_it_comes() -> None:
    network = FsdKaggle2018Network(FsdKaggle2018Config(n_classes=3, widths=(4, 4, 4))).eval()
    sound = torch.rand(1, 1, 16, 64, generator=torch.Generator().manual_seed(0)) + 1
    silence = torch.zeros(1, 1, 16, 64)
    early = network(torch.cat([silence, sound, silence, silence], dim=2))
    late = network(torch.cat([silence, silence, sound, silence], dim=2))
    torch.testing.assert_close(early, late)
