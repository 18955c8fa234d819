import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from ml.features.configurations import CONFIGURATIONS
from ml.networks import vgg16
from ml.networks.dcase2020_fcnn import ConvolutionGroup
from ml.networks.registry import NETWORKS, build

GROUPS = (ConvolutionGroup(width=4), ConvolutionGroup(width=6, pool=(2, 1), dropout=0.3))
# Each network with small layers, and the shape (channels, frames, bands) of a small input for it.
SMALL: dict[str, tuple[dict[str, Any], tuple[int, int, int]]] = {
    "cochlscene": ({"n_frames": 100, "n_bands": 20, "widths": [3, 4], "hidden": 5}, (1, 100, 20)),
    "fsdkaggle2018": ({"n_bands": 8, "widths": [4, 4, 4]}, (1, 25, 8)),
    "nguyen": ({"n_frames": 32, "n_bands": 32, "widths": [3, 4, 4, 4], "hidden": 8}, (1, 32, 32)),
    "nguyen-171": ({"n_frames": 33, "n_bands": 32, "widths": [3, 4, 4, 4], "hidden": 8}, (1, 33, 32)),
    "nguyen-257": ({"n_frames": 48, "n_bands": 32, "widths": [3, 4, 4, 4], "hidden": 8}, (1, 48, 32)),
    "nguyen-171-statistics": ({"n_frames": 32, "n_bands": 32, "widths": [3, 4, 4, 4], "hidden": 8}, (1, 32, 32)),
    "dorfer": ({"n_bands": 48, "width": 2}, (1, 192, 48)),
    "iqbal-vgg13": ({"n_bands": 16, "widths": [4, 4]}, (1, 20, 16)),
    "iqbal-gcnn": ({"n_bands": 16, "widths": [4, 4]}, (1, 20, 16)),
    "iqbal-crnn": ({"n_bands": 16, "widths": [4, 4], "units": 5}, (1, 20, 16)),
    "iqbal-gcrnn": ({"n_bands": 16, "widths": [4, 4], "units": 5}, (1, 20, 16)),
    "jeong": ({"n_bands": 16, "low_level": 3, "growths": [4, 8], "heads": 3}, (1, 20, 16)),
    "kong-cnn4": ({"n_bands": 16, "widths": [4, 4]}, (1, 20, 16)),
    "kong-cnn8": ({"n_bands": 16, "widths": [4, 4]}, (1, 20, 16)),
    "dcase2020-fcnn": ({"n_bands": 8, "groups": GROUPS}, (3, 32, 8)),
    "dcase2020-fsfcnn": ({"n_bands": 8, "groups": GROUPS}, (3, 32, 8)),
    "dcase2020-resnet": ({"n_bands": 8, "width": 4}, (3, 32, 8)),
    "dcase2020-resnet-d": ({"n_bands": 8, "width": 4}, (3, 32, 8)),
    "dcase2020-small-fcnn": ({"n_bands": 8, "groups": GROUPS}, (6, 32, 8)),
    "dcase2020-mobilenet": ({"n_bands": 32, "first": 8, "widths": [8, 8, 8], "last": 8}, (6, 32, 32)),
    "se-trans": ({"n_bands": 16, "widths": [8, 16], "encoder_frames": 4}, (1, 32, 16)),
    "vgg16": ({"n_bands": 32, "hidden": 5}, (1, 32, 32)),
    "earmark": ({"n_bands": 16, "stem": 4, "widths": [4, 6]}, (1, 16, 16)),
}
FIXED_FRAMES = {"cochlscene", "nguyen", "nguyen-171", "nguyen-257", "nguyen-171-statistics"}
CLASSES = 3


@pytest.fixture(autouse=True)
def _narrow_vgg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vgg16, "STAGES", ((2, 1), (2, 1), (3, 1), (3, 1), (4, 1)))


def _small(name: str, *, seed: int = 0) -> nn.Module:
    return build(name, CLASSES, seed=seed, **SMALL[name][0])


def _input(name: str, *, batch: int = 4, more_frames: int = 0) -> Tensor:
    channels, frames, bands = SMALL[name][1]
    return torch.randn(batch, channels, frames + more_frames, bands, generator=torch.Generator().manual_seed(7))


def test_every_network_but_a_files_is_tried_here() -> None:
    assert {*NETWORKS} - {*SMALL} == {"frozen-trunk", "trunk-head"}  # see test_trunk_head


@pytest.mark.parametrize("name", SMALL)
def test_probabilities_of_each_clip_sum_to_one(name: str) -> None:
    network = _small(name)
    for mode in (True, False):
        scores_BK = network.train(mode)(_input(name))
        assert tuple(scores_BK.shape) == (4, CLASSES)
        torch.testing.assert_close(scores_BK.softmax(dim=1).sum(dim=1), torch.ones(4))


@pytest.mark.parametrize("name", SMALL)
def test_evaluation_is_deterministic_and_clips_do_not_mix(name: str) -> None:
    network = _small(name).eval()
    x_BCTM = _input(name)
    with torch.no_grad():
        together = network(x_BCTM)
        assert torch.equal(together, network(x_BCTM))
        torch.testing.assert_close(network(x_BCTM[1:2]), together[1:2], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", SMALL)
def test_gradients_reach_every_parameter(name: str) -> None:
    network = _small(name, seed=3).train()
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0  # with so few units dropout may silence all of them
    functional.cross_entropy(network(_input(name, batch=8)), torch.arange(8) % CLASSES).backward()
    for parameter_name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            continue
        assert parameter.grad is not None, parameter_name
        assert torch.isfinite(parameter.grad).all(), parameter_name
        # a bias in front of a normalisation has a gradient of zero
        assert parameter.dim() < 2 or parameter.grad.any(), parameter_name


@pytest.mark.parametrize("name", SMALL)
def test_frames_are_free_where_the_network_is_fully_convolutional(name: str) -> None:
    network = _small(name).eval()
    if name in FIXED_FRAMES:
        with pytest.raises(ValueError, match=r"input of shape .* expected"):
            network(_input(name, more_frames=5))
    else:
        assert tuple(network(_input(name, more_frames=5)).shape) == (4, CLASSES)


@pytest.mark.parametrize("name", SMALL)
def test_other_bands_and_channels_are_refused(name: str) -> None:
    network = _small(name).eval()
    x_BCTM = _input(name)
    with pytest.raises(ValueError, match="bands"):
        network(x_BCTM[..., :-1])
    with pytest.raises(ValueError, match="channels"):
        network(torch.cat([x_BCTM, x_BCTM], dim=1))


@pytest.mark.parametrize("name", SMALL)
def test_channels_last_gives_the_same_scores(name: str) -> None:
    network = _small(name).eval()
    x_BCTM = _input(name)
    with torch.no_grad():
        expected = network(x_BCTM)
        last = network.to(memory_format=torch.channels_last)(x_BCTM.to(memory_format=torch.channels_last))
    torch.testing.assert_close(last, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["iqbal-crnn", "se-trans", "dcase2020-mobilenet"])
def test_the_seed_decides_the_weights(name: str) -> None:
    first, same, other = _small(name, seed=1), _small(name, seed=1), _small(name, seed=2)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), same.parameters(), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True))


def test_building_draws_no_random_number_of_others() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    _small("kong-cnn4")
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("name", SMALL)
def test_each_network_takes_what_its_features_give(name: str) -> None:
    entry = NETWORKS[name]
    features = CONFIGURATIONS[entry.features]
    assert features.n_bands == entry.bands
    with torch.device("meta"):
        network = build(name, CLASSES).eval()
        x_BCTM = torch.zeros(1, entry.channels, entry.frames, entry.bands)
        assert tuple(network(x_BCTM).shape) == (1, CLASSES)


def test_a_frozen_trunk_is_built_by_name(tmp_path: Path) -> None:
    trunk = nn.Sequential(nn.Flatten(), nn.Linear(12, 5)).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch recommends other formats for new exports
        torch.jit.trace(trunk, torch.zeros(1, 1, 3, 4)).save(tmp_path / "trunk.pt")
    network = build("frozen-trunk", CLASSES, path=str(tmp_path / "trunk.pt"), n_frames=3, n_bands=4, hidden=6)
    assert tuple(network(torch.zeros(2, 1, 3, 4)).shape) == (2, CLASSES)


def test_unknown_names_and_options_are_refused() -> None:
    with pytest.raises(ValueError, match=r"network 'resnet50': expected one of cochlscene"):
        build("resnet50", 3)
    with pytest.raises(ValueError, match=r"option 'depth' of network 'kong-cnn4': expected one of convolutions"):
        build("kong-cnn4", 3, depth=5)
    with pytest.raises(ValueError, match=r"n_classes = 0: expected at least 1"):
        build("kong-cnn4", 0)


@pytest.mark.parametrize("name", SMALL)
def test_bfloat16_gives_nearly_the_same_scores_in_single_precision(name: str) -> None:
    network, x_BCTM = _small(name).train(), _input(name, batch=8)
    network(x_BCTM)  # running statistics that are not those of nothing
    network.eval()
    with torch.no_grad():
        expected = network(x_BCTM)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = network(x_BCTM)
    assert found.dtype == torch.float32
    # The scores themselves are no numbers of eight bits, between which clips would tie.
    assert not torch.equal(found, found.bfloat16().float())
    assert not torch.equal(found, expected)
    torch.testing.assert_close(found, expected, rtol=0.05, atol=0.1 * float(expected.abs().max()))


@pytest.mark.parametrize("name", SMALL)
def test_networks_learn_in_bfloat16(name: str) -> None:
    network = _small(name, seed=3).train()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        scores_BK = network(_input(name, batch=8))
    functional.cross_entropy(scores_BK, torch.arange(8) % CLASSES).backward()
    for parameter_name, parameter in network.named_parameters():
        if parameter.requires_grad:
            assert parameter.dtype == torch.float32
            assert parameter.grad is not None, parameter_name
            assert torch.isfinite(parameter.grad).all(), parameter_name


def test_a_trunk_from_a_file_computes_in_its_own_precision(tmp_path: Path) -> None:
    trunk = nn.Sequential(nn.Flatten(), nn.Linear(12, 5)).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch recommends other formats for new exports
        torch.jit.trace(trunk, torch.zeros(1, 1, 3, 4)).save(tmp_path / "trunk.pt")
    network = build("frozen-trunk", CLASSES, path=str(tmp_path / "trunk.pt"), n_frames=3, n_bands=4, hidden=6).eval()
    x_BCTM = torch.randn(2, 1, 3, 4, generator=torch.Generator().manual_seed(7))
    expected = network(x_BCTM)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(network(x_BCTM), expected)
