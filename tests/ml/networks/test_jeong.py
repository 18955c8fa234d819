import math

import pytest
import torch

from ml.networks.jeong import DenseModule, JeongConfig, JeongNetwork
from ml.networks.parameter_count import count_parameters

INPUTS = (16, 32, 64, 128, 256, 512, 1024, 1536)
GROWTHS = (16, 32, 64, 128, 256, 512, 512, 512)


def _by_hand(reduction: int) -> int:
    total = 2 * 64 + 9 * 15 + 15  # normalised bands; first convolution
    for c, k in zip(INPUTS, GROWTHS, strict=True):
        total += 2 * c + (c * k + k) + 2 * k + (9 * k * k + k)  # normalisation, 1 x 1, normalisation, 3 x 3
        hidden = k // reduction
        total += (k * hidden + hidden) + (hidden * k + k)  # squeeze and excitation
    return total + 2 * 2048 + 8 * (2048 * 41 + 41)


def test_the_network_has_about_11_million_parameters() -> None:
    with torch.device("meta"):
        count = count_parameters(JeongNetwork(JeongConfig(n_classes=41))).trainable
    assert count == _by_hand(2) == 11_092_198


def test_the_usual_reduction_would_have_fewer() -> None:
    with torch.device("meta"):
        count = count_parameters(JeongNetwork(JeongConfig(n_classes=41, reduction=16))).trainable
    assert count == _by_hand(16) == 10_326_797


def test_seven_more_heads_are_the_papers_0_6_million() -> None:
    with torch.device("meta"):
        one = count_parameters(JeongNetwork(JeongConfig(n_classes=41, heads=1))).trainable
    assert 11_092_198 - one == 7 * (2048 * 41 + 41) == 588_063


def test_a_module_appends_to_what_it_got() -> None:
    module = DenseModule(3, 2, reduction=2).eval()
    x_BCTM = torch.randn(2, 3, 8, 6, generator=torch.Generator().manual_seed(0))
    y_BCTM = module(x_BCTM)
    assert tuple(y_BCTM.shape) == (2, 5, 4, 3)
    torch.testing.assert_close(y_BCTM[:, 2:], torch.nn.functional.max_pool2d(x_BCTM, 2))


def test_scores_are_the_logarithm_of_the_mean_of_the_heads() -> None:
    network = JeongNetwork(JeongConfig(n_classes=2, n_bands=4, low_level=1, growths=(2,), heads=2)).eval()
    with torch.no_grad():
        network.heads.weight.zero_()
        network.heads.bias.copy_(torch.tensor([math.log(9.0), 0.0, 0.0, math.log(4.0)]))
    scores_BK = network(torch.zeros(1, 1, 4, 4))
    # heads (0.9, 0.1) and (0.2, 0.8): mean (0.55, 0.45)
    assert scores_BK.exp().flatten().tolist() == pytest.approx([0.55, 0.45])


def test_eight_halvings_of_64_bands_leave_one() -> None:
    with torch.device("meta"):
        network = JeongNetwork(JeongConfig(n_classes=41)).eval()
        assert tuple(network.layers(torch.zeros(1, 16, 500, 64)).shape) == (1, 2048, 2, 1)
