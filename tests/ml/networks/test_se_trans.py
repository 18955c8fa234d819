import pytest
import torch

from ml.networks.parameter_count import count_parameters
from ml.networks.se_trans import SeTransConfig, SeTransNetwork


def test_the_network_has_the_parameters_counted_by_hand() -> None:
    with torch.device("meta"):
        count = count_parameters(SeTransNetwork(SeTransConfig(n_classes=10))).trainable
    convolutions = 9 * (1 * 64 + 64 * 64 + 64 * 128 + 128 * 128)
    normalisations = 2 * 64 + 2 * (2 * 64 + 2 * 128)  # of the bands, then behind each convolution
    excitations = 2 * (2 * 64 * 4) + 2 * (2 * 128 * 8)  # reduction 16, no biases
    attention = 4 * (128 * 128 + 128)  # queries, keys, values, output
    feed_forward = 128 * 32 + 32 + 32 * 128 + 128
    assert count == convolutions + normalisations + excitations + attention + feed_forward + 4 * 128 + 128 * 10 + 10
    assert count == 340_842


def test_the_encoder_sees_sixteen_frames_of_any_clip() -> None:
    with torch.device("meta"):
        network = SeTransNetwork(SeTransConfig(n_classes=10)).eval()
        for frames in (64, 500, 1001):
            assert tuple(network.layers(torch.zeros(1, 1, frames, 64)).shape) == (1, 128, 16, 1)


def test_heads_must_divide_the_channels() -> None:
    with pytest.raises(ValueError, match=r"attention_heads = 7: expected a divisor of 128"):
        SeTransConfig(n_classes=10, attention_heads=7)
