import math

import torch
from torch import nn

from ml.networks.initialisation import initialise


def test_convolutions_keep_the_size_of_a_rectified_signal() -> None:
    torch.manual_seed(0)
    layer = nn.Conv2d(64, 64, 3)
    initialise(layer)
    # He: deviation sqrt(2 / fan in), fan in = 64·9
    assert math.isclose(layer.weight.std().item(), math.sqrt(2 / 576), rel_tol=0.03)
    assert not layer.bias.any()


def test_linear_layers_stay_within_the_range_of_glorot() -> None:
    torch.manual_seed(0)
    layer = nn.Linear(50, 30)
    initialise(layer)
    largest = layer.weight.abs().max().item()
    bound = math.sqrt(6 / 80)  # sqrt(6 / (fan in + fan out))
    assert 0.95 * bound < largest <= bound
    assert not layer.bias.any()
