from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ml.networks.quantise import compact_vector, load_quantised, quantise_weight, save_quantised
from ml.networks.registry import build

TABLE_2 = {"dcase2020-small-fcnn": 357_000, "dcase2020-mobilenet": 411_000}
LIMIT = 500_000  # bytes that task 1b allows


def _clips(count: int, *, seed: int) -> tuple[Tensor, Tensor]:
    """Three spectrograms, each a ripple along the bands and a fixed noise, in other noise; and which it is."""
    kind_B = torch.arange(count) % 3
    ripple_KM = torch.sin(6.28 * torch.arange(128.0) / torch.tensor([[5.0], [9.0], [17.0]]))
    fixed_KCTM = torch.randn(3, 6, 32, 128, generator=torch.Generator().manual_seed(99))
    noise_BCTM = torch.randn(count, 6, 32, 128, generator=torch.Generator().manual_seed(seed))
    return (ripple_KM[:, None, None, :] + fixed_KCTM)[kind_B] + 0.1 * noise_BCTM, kind_B


def _settled(network: nn.Module, x_BCTM: Tensor) -> nn.Module:
    """Give the normalisations the statistics of a batch, as training would."""
    network.eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.train().momentum = 1.0
    with torch.no_grad():
        network(x_BCTM)
    return network.eval()


def _trained(name: str) -> nn.Module:
    """Train the class maps alone, so that scores are as far apart as a trained network's."""
    x_BCTM, kind_B = _clips(30, seed=0)
    network = _settled(build(name, 3, seed=1), x_BCTM)
    seen: list[Tensor] = []
    handle = network.class_map.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        network(x_BCTM)
    handle.remove()
    optimiser = torch.optim.Adam(network.class_map.parameters(), lr=0.01)
    for _ in range(40):
        optimiser.zero_grad()
        nn.functional.cross_entropy(network.class_map(seen[0]), kind_B).backward()
        optimiser.step()
    return network


def test_rows_are_rounded_by_their_own_largest_magnitude() -> None:
    integers, scale = quantise_weight(torch.tensor([[1.27, -0.635, 0.004], [0.0, 0.0, 0.0], [-254.0, 3.0, 127.0]]))
    # first row: a 127th of 1.27 is 0.01, so 127, -63.5 (to the nearest even number) and 0.4
    assert integers.dtype == np.int8
    assert integers[0, 0] == 127
    assert integers[0, 1] in (-63, -64)
    assert integers[0, 2] == 0
    assert integers[1].tolist() == [0, 0, 0]
    assert integers[2].tolist() == [-127, 2, 64]  # 3 / 2 = 1.5 and 127 / 2 = 63.5, both to even
    assert scale.astype(np.float32) == pytest.approx([0.01, 1.0, 2.0], rel=1e-3)


def test_no_weight_is_further_off_than_half_a_step() -> None:
    weight = torch.randn(20, 5, 3, 3, generator=torch.Generator().manual_seed(0))
    integers, scale = quantise_weight(weight)
    step = scale.astype(np.float32)[:, None, None, None]
    # scales in 16 bits may clip the largest weight of a row by a two-thousandth of it, below a tenth of a step
    assert (np.abs(integers * step - weight.numpy()) <= 0.6 * step).all()


def test_vectors_stay_in_32_bits_where_16_would_change_them() -> None:
    assert compact_vector(np.array([1.0, 0.5, 1e-6], np.float32)).dtype == np.float16
    assert compact_vector(np.array([1e5, 1.0], np.float32)).dtype == np.float32  # beyond the largest half
    assert compact_vector(np.array([1e-8, 2e-8], np.float32)).dtype == np.float32  # below the smallest
    assert compact_vector(np.array([], np.float32)).dtype == np.float16


@pytest.mark.parametrize("name", TABLE_2)
def test_small_networks_fit_the_challenges_limit_and_decide_as_before(name: str, tmp_path: Path) -> None:
    network = _trained(name)
    size = save_quantised(network, tmp_path / "network")
    assert size < LIMIT
    assert abs(size - TABLE_2[name]) < 0.1 * TABLE_2[name]
    loaded = build(name, 3, seed=2)
    load_quantised(loaded, tmp_path / "network")
    x_BCTM, kind_B = _clips(40, seed=1)
    with torch.no_grad():
        scores_BK, rounded_BK = network(x_BCTM), loaded(x_BCTM)
    winner_B = scores_BK.argmax(dim=1)
    assert (winner_B == kind_B).float().mean().item() > 0.8  # there was something to keep
    assert (winner_B == rounded_BK.argmax(dim=1)).float().mean().item() >= 0.95
    assert (rounded_BK - scores_BK).std() < 0.1 * scores_BK.std()


def test_a_normalisation_is_folded_into_scale_and_offset(tmp_path: Path) -> None:
    network = nn.Sequential(nn.BatchNorm2d(3), nn.BatchNorm2d(3, affine=False))
    x_BCTM = torch.randn(4, 3, 5, 5, generator=torch.Generator().manual_seed(0)) * 3 + 2
    _settled(network, x_BCTM)
    nn.init.uniform_(network[0].weight, 0.5, 2, generator=torch.Generator().manual_seed(1))
    nn.init.uniform_(network[0].bias, -1, 1, generator=torch.Generator().manual_seed(2))
    save_quantised(network, tmp_path / "network")
    loaded = nn.Sequential(nn.BatchNorm2d(3), nn.BatchNorm2d(3, affine=False))
    load_quantised(loaded, tmp_path / "network")
    torch.testing.assert_close(loaded(x_BCTM), network(x_BCTM), rtol=2e-3, atol=2e-3)
    assert loaded[0].running_mean.tolist() == [0, 0, 0]


def test_recurrent_and_attention_weights_are_rounded_too(tmp_path: Path) -> None:
    layers = [nn.GRU(8, 8), nn.MultiheadAttention(8, 2)]
    for layer in layers:
        save_quantised(layer, tmp_path / "layer")
        other = type(layer)(*((8, 8) if isinstance(layer, nn.GRU) else (8, 2)))
        load_quantised(other, tmp_path / "layer")
        for (name, kept), rounded in zip(layer.named_parameters(), other.parameters(), strict=True):
            torch.testing.assert_close(rounded, kept, rtol=1e-3, atol=0.6 / 127 * kept.abs().max().item())
            assert kept.dim() < 2 or not torch.equal(rounded, kept), name


def test_saving_does_not_change_the_network(tmp_path: Path) -> None:
    network = build("dcase2020-small-fcnn", 3)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    save_quantised(network, tmp_path / "network")
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_a_file_of_another_network_is_refused(tmp_path: Path) -> None:
    save_quantised(nn.Linear(3, 2), tmp_path / "network")
    with pytest.raises(ValueError, match=r"has shape \(2, 3\) for weight: expected shape \(2, 4\)"):
        load_quantised(nn.Linear(4, 2), tmp_path / "network")
    with pytest.raises(ValueError, match=r"has nothing for 0\.weight"):
        load_quantised(nn.Sequential(nn.Linear(3, 2)), tmp_path / "network")
    with pytest.raises(ValueError, match="holds bias, which the network lacks"):
        load_quantised(nn.Linear(3, 2, bias=False), tmp_path / "network")
