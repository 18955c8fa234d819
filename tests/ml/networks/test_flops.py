import pytest
import torch
from torch import Tensor, nn

from ml.networks.flops import count_multiply_accumulates


@pytest.mark.parametrize(
    ("network", "shape", "cost"),
    [
        (nn.Conv2d(3, 8, (3, 5)), (2, 3, 10, 10), 2 * 8 * 8 * 6 * 3 * 3 * 5),  # 8 x 6 positions, 8 filters of 3·3·5
        (nn.Conv2d(4, 4, 3, stride=2, padding=1, groups=4), (1, 4, 8, 8), 4 * 4 * 4 * 9),  # each channel by itself
        (nn.Linear(7, 5), (1, 1, 3, 7), 3 * 7 * 5),
        (nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2), nn.ReLU()), (1, 1, 3, 3), 9 * 2),
    ],
)
def test_convolutions_and_linear_layers(network: nn.Module, shape: tuple[int, ...], cost: int) -> None:
    assert count_multiply_accumulates(network, torch.zeros(shape)) == cost


class _Sequence(nn.Module):
    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x_BCTM: Tensor) -> Tensor:
        x_BTM = x_BCTM.squeeze(1)
        return (
            self.layer(x_BTM, x_BTM, x_BTM)[0] if isinstance(self.layer, nn.MultiheadAttention) else self.layer(x_BTM)
        )


def test_recurrent_layers_count_gates_directions_and_layers() -> None:
    one = _Sequence(nn.GRU(4, 6, batch_first=True))
    assert count_multiply_accumulates(one, torch.zeros(2, 1, 5, 4)) == 2 * 5 * 3 * 6 * (4 + 6)
    two = _Sequence(nn.GRU(4, 6, num_layers=2, bidirectional=True, batch_first=True))
    # the second layer reads both directions of the first
    assert count_multiply_accumulates(two, torch.zeros(2, 1, 5, 4)) == 2 * 5 * 2 * 3 * 6 * ((4 + 6) + (12 + 6))


@pytest.mark.parametrize("batch_first", [True, False])
def test_attention_counts_projections_and_products(*, batch_first: bool) -> None:
    network = _Sequence(nn.MultiheadAttention(8, 2, batch_first=batch_first))
    batch, frames = (2, 5) if batch_first else (5, 2)
    cost = batch * (4 * frames * 8 * 8 + 2 * frames * frames * 8)
    assert count_multiply_accumulates(network, torch.zeros(2, 1, 5, 8)) == cost


def test_the_encoders_fast_path_hides_nothing() -> None:
    network = _Sequence(nn.TransformerEncoderLayer(8, 2, 3, batch_first=True))
    attention = 4 * 5 * 8 * 8 + 2 * 5 * 5 * 8
    assert count_multiply_accumulates(network, torch.zeros(2, 1, 5, 8)) == 2 * (attention + 2 * 5 * 8 * 3)


def test_a_layer_that_runs_twice_costs_twice() -> None:
    layer = nn.Linear(3, 3)
    assert count_multiply_accumulates(nn.Sequential(layer, layer), torch.zeros(1, 1, 1, 3)) == 18


def test_the_network_keeps_its_modes_its_statistics_and_no_hooks() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2).eval(), nn.BatchNorm2d(2))
    network[0].train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    count_multiply_accumulates(network, torch.ones(1, 1, 3, 3))
    assert [module.training for module in network] == [True, False, True]
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert not network[0]._forward_hooks


def test_hooks_are_removed_when_the_network_fails() -> None:
    network = nn.Sequential(nn.Linear(3, 3))
    with pytest.raises(RuntimeError):
        count_multiply_accumulates(network, torch.zeros(1, 1, 1, 4))
    assert not network[0]._forward_hooks
    assert network.training
