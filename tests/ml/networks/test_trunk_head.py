from __future__ import annotations

import pytest
import torch

from ml.networks.parameter_count import count_parameters
from ml.networks.registry import build
from ml.networks.trunk_head import TrunkHeadConfig, TrunkHeadNetwork


def test_a_head_is_one_hidden_layer_or_none() -> None:
    assert count_parameters(build("trunk-head", 4, n_bands=10)).trainable == 10 * 256 + 256 + 256 * 4 + 4
    assert count_parameters(build("trunk-head", 4, n_bands=10, hidden=0)).trainable == 10 * 4 + 4


@pytest.mark.parametrize("hidden", [0, 5])
def test_excerpts_are_averaged_before(hidden: int) -> None:
    network = TrunkHeadNetwork(TrunkHeadConfig(n_classes=2, n_bands=3, hidden=hidden)).eval()
    x_B1TE = torch.randn(2, 1, 4, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(network(x_B1TE), network(x_B1TE.mean(dim=2, keepdim=True)))


def test_what_cannot_be_built_is_refused() -> None:
    for wrong in ({"n_bands": 0}, {"hidden": -1}, {"dropout": 1.0}):
        with pytest.raises(ValueError, match="expected"):
            TrunkHeadConfig(**{"n_classes": 2, "n_bands": 3, **wrong})  # type: ignore[arg-type]
