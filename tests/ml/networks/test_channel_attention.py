import math

import torch

from ml.networks.channel_attention import ChannelAttention, SqueezeExcitation


def _with_plain_weights(module: SqueezeExcitation) -> SqueezeExcitation:
    """Make both linear layers the identity, so that the gate is the sigmoid of what is pooled."""
    with torch.no_grad():
        for layer in (module.gate[0], module.gate[2]):
            layer.weight.copy_(torch.eye(2))
            if layer.bias is not None:
                layer.bias.zero_()
    return module


def _map() -> torch.Tensor:
    return torch.tensor([[[[0.0, 2.0]], [[1.0, 5.0]]]])  # means 1 and 3, maxima 2 and 5


def test_squeeze_and_excitation_multiplies_by_the_sigmoid_of_the_means() -> None:
    gated = _with_plain_weights(SqueezeExcitation(2, reduction=1))(_map())
    first, second = 1 / (1 + math.exp(-1)), 1 / (1 + math.exp(-3))
    torch.testing.assert_close(gated, torch.tensor([[[[0.0, 2 * first]], [[second, 5 * second]]]]))


def test_channel_attention_adds_means_and_maxima() -> None:
    gated = _with_plain_weights(ChannelAttention(2, reduction=1))(_map())
    first, second = 1 / (1 + math.exp(-3)), 1 / (1 + math.exp(-8))
    torch.testing.assert_close(gated, torch.tensor([[[[0.0, 2 * first]], [[second, 5 * second]]]]))


def test_few_channels_keep_one_hidden_unit() -> None:
    assert SqueezeExcitation(3, reduction=16).gate[0].out_features == 1
