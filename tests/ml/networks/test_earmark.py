from __future__ import annotations

import pytest
import torch

from ml.networks.earmark import EarmarkConfig, EarmarkNetwork
from ml.networks.flops import count_multiply_accumulates
from ml.networks.parameter_count import ParameterCount, count_parameters

SMALL = EarmarkConfig(n_classes=3, n_bands=8, stem=2, widths=(3, 4), dropout=0.0)


def _paper_size() -> EarmarkNetwork:
    with torch.device("meta"):
        return EarmarkNetwork(EarmarkConfig(n_classes=10, stem=16, widths=(32, 64, 96)))


def _input(frames: int = 16, *, batch: int = 2) -> torch.Tensor:
    return torch.randn(batch, 1, frames, 8, generator=torch.Generator().manual_seed(0))


def test_the_parameters_are_those_counted_by_hand() -> None:
    # One kernel of 5 x 5 from 1 to 16 channels, then 3 x 3 from 16 to 32, 32, 64, 64, 96 and 96.
    kernels = 400 + 9 * (512 + 1_024 + 2_048 + 4_096 + 6_144 + 9_216)
    # Scales and offsets of the channels 16 + 2 * 32 + 2 * 64 + 2 * 96 and of the 192 joined values.
    normalised = 16 + 64 + 128 + 192 + 192
    linear = 192 * 10 + 10

    count = count_parameters(_paper_size())

    assert count == ParameterCount(trainable=kernels + 2 * normalised + linear, frozen=0, statistics=2 * normalised)
    assert count.trainable == 210_874


def test_an_input_costs_ten_million_multiply_accumulates() -> None:
    # Places: 32 x 20 after the first convolution, then 16 x 10, 8 x 5 and, without a stride, 8 x 5 again.
    stem = 640 * 25 * 16
    stages = 9 * (160 * (16 * 32 + 32 * 32) + 40 * (32 * 64 + 64 * 64) + 40 * (64 * 96 + 96 * 96))

    found = count_multiply_accumulates(_paper_size(), torch.zeros(1, 1, 64, 40, device="meta"))

    assert found == stem + stages + 192 * 10
    assert found == 10_211_200


@pytest.mark.parametrize("frames", [1, 2, 7, 16, 500])
def test_clips_of_any_length_get_scores(frames: int) -> None:
    scores_BK = EarmarkNetwork(SMALL).eval()(_input(frames))

    assert scores_BK.shape == (2, 3)
    assert bool(scores_BK.isfinite().all())


def test_mean_and_maximum_are_joined() -> None:
    network = EarmarkNetwork(SMALL).eval()
    x_BCTM = _input()
    h_BCTM = network.layers(x_BCTM)
    seen: list[torch.Tensor] = []
    network.normalise.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))

    network(x_BCTM)

    flat_BCP = h_BCTM.flatten(2)
    torch.testing.assert_close(seen[0], torch.cat([flat_BCP.mean(dim=2), flat_BCP.max(dim=2).values], dim=1))


def test_dropout_takes_part_in_training_alone() -> None:
    network = EarmarkNetwork(EarmarkConfig(n_classes=3, n_bands=8, stem=2, widths=(3, 4), dropout=0.5))
    x_BCTM = _input(batch=8)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        assert not torch.equal(network(x_BCTM), network(x_BCTM))
    network.eval()
    assert torch.equal(network(x_BCTM), network(x_BCTM))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_classes": 0}, "n_classes = 0: expected at least 1"),
        ({"widths": (3, 0)}, "widths"),
        ({"dropout": 1.0}, "dropout = 1.0: expected at least 0 and less than 1"),
        ({"dropout": -0.1}, "dropout = -0.1"),
    ],
)
def test_sizes_that_cannot_be_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EarmarkConfig(**{"n_classes": 3, **changes})


@pytest.mark.parametrize("shape", [(2, 1, 16, 9), (2, 2, 16, 8), (2, 1, 0, 8), (2, 16, 8)])
def test_inputs_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected \(batch, 1 channels, at least 1 frames, 8 bands\)"):
        EarmarkNetwork(SMALL)(torch.zeros(shape))
