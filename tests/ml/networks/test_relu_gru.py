import math

import torch

from ml.networks.relu_gru import BidirectionalReluGru, ReluGru


def _sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def _unit(*, backward: bool = False) -> ReluGru:
    """One input, one unit; weights: update 1, reset 2, candidate 3 on the input, 1, 1 and -1 on the state."""
    unit = ReluGru(1, 1, backward=backward)
    with torch.no_grad():
        unit.inputs.weight.copy_(torch.tensor([[1.0], [2.0], [3.0]]))
        unit.inputs.bias.copy_(torch.tensor([0.0, 0.0, 0.5]))
        unit.gates.weight.copy_(torch.tensor([[1.0], [1.0]]))
        unit.candidate.weight.copy_(torch.tensor([[-1.0]]))
    return unit


def _by_hand(inputs: list[float]) -> list[float]:
    state, states = 0.0, []
    for x in inputs:
        z = _sigmoid(x + state)
        r = _sigmoid(2 * x + state)
        c = max(0.0, 3 * x - r * state + 0.5)
        state = z * state + (1 - z) * c
        states.append(state)
    return states


def test_states_follow_the_equations() -> None:
    inputs = [1.0, -0.5, 2.0]
    states = _unit()(torch.tensor(inputs).reshape(1, 3, 1)).flatten().tolist()
    # first: z = s(1) = 0.731, c = 3.5, h = 0.269 · 3.5 = 0.941
    assert math.isclose(states[0], 3.5 * (1 - _sigmoid(1)), rel_tol=1e-6)
    assert all(math.isclose(a, b, rel_tol=1e-5) for a, b in zip(states, _by_hand(inputs), strict=True))


def test_a_candidate_may_exceed_one() -> None:
    assert _unit()(torch.full((1, 1, 1), 4.0)).item() > 0.2
    assert _unit()(torch.full((1, 30, 1), 1.0)).max().item() > 1  # a hyperbolic tangent would stay below


def test_backwards_reads_the_frames_from_the_end_and_keeps_their_order() -> None:
    inputs = [1.0, -0.5, 2.0]
    states = _unit(backward=True)(torch.tensor(inputs).reshape(1, 3, 1)).flatten().tolist()
    expected = _by_hand(inputs[::-1])[::-1]
    assert all(math.isclose(a, b, rel_tol=1e-5) for a, b in zip(states, expected, strict=True))


def test_both_directions_stand_side_by_side() -> None:
    layer = BidirectionalReluGru(3, 5)
    x_BTC = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(0))
    states = layer(x_BTC)
    assert tuple(states.shape) == (2, 4, 10)
    torch.testing.assert_close(states[..., :5], layer.ahead(x_BTC))
    torch.testing.assert_close(states[..., 5:], layer.back(x_BTC))
