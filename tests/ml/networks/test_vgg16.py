from pathlib import Path

import pytest
import torch

from ml.networks import vgg16
from ml.networks.parameter_count import ParameterCount, count_parameters
from ml.networks.vgg16 import Vgg16Config, Vgg16Network, Vgg16Trunk, load_features

SMALL = ((2, 1), (2, 1), (3, 1), (3, 1), (4, 1))


def test_the_trunk_is_frozen_and_the_classifier_is_not() -> None:
    with torch.device("meta"):
        network = Vgg16Network(Vgg16Config(n_classes=10))
    # 9 (3·64 + 64² + 64·128 + 128² + 128·256 + 2·256² + 256·512 + 5·512²) + 2·64 + 2·128 + 3·256 + 6·512
    assert count_parameters(network) == ParameterCount(
        trainable=25_088 * 512 + 512 + 512 * 10 + 10, frozen=14_714_688, statistics=0
    )


def test_only_the_classifier_gets_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vgg16, "STAGES", SMALL)
    network = Vgg16Network(Vgg16Config(n_classes=3, n_bands=32, hidden=4)).train()
    network(torch.randn(2, 1, 40, 32, generator=torch.Generator().manual_seed(0))).sum().backward()
    assert all(parameter.grad is None for parameter in network.trunk.parameters())
    assert all(parameter.grad is not None for parameter in network.head.parameters())


def test_a_state_dictionary_in_torchvisions_layout_is_loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(vgg16, "STAGES", SMALL)
    torch.manual_seed(1)
    other = Vgg16Trunk()
    state = {f"features.{name}": tensor for name, tensor in other.features.state_dict().items()}
    torch.save({**state, "classifier.0.weight": torch.zeros(2, 2)}, tmp_path / "vgg16.pth")
    network = Vgg16Network(Vgg16Config(n_classes=3, weights=str(tmp_path / "vgg16.pth"), n_bands=32, hidden=4))
    x_BCTM = torch.randn(2, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(network.trunk(x_BCTM), other(x_BCTM))


def test_files_without_the_convolutions_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(vgg16, "STAGES", SMALL)
    trunk = Vgg16Trunk()
    path = tmp_path / "other.pth"
    torch.save({"features.0.weight": torch.zeros(2, 3, 5, 5)}, path)
    with pytest.raises(ValueError, match=r"other\.pth has no features\.0\.weight of shape \(2, 3, 3, 3\)"):
        load_features(trunk, path)
    torch.save([1, 2], path)
    with pytest.raises(ValueError, match="expected VGG-16's weights"):
        load_features(trunk, path)
    path.write_text("no weights")
    with pytest.raises(ValueError, match="cannot be read"):
        load_features(trunk, path)


def test_a_missing_file_is_refused_by_the_configuration() -> None:
    with pytest.raises(ValueError, match=r"weights = 'none\.pth'"):
        Vgg16Config(n_classes=3, weights="none.pth")


def test_low_frequencies_are_the_bottom_of_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vgg16, "STAGES", SMALL)
    trunk = Vgg16Trunk()
    seen = []
    trunk.features.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    x_BCTM = torch.zeros(1, 1, 40, 32)
    x_BCTM[0, 0, 7, 0] = 1  # frame 7, lowest band
    trunk(x_BCTM)
    assert tuple(seen[0].shape) == (1, 3, 32, 40)
    assert seen[0].nonzero().tolist() == [[0, colour, 31, 7] for colour in range(3)]
