import warnings
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from ml.networks.frozen_trunk import FrozenTrunk, TrunkConfig, TrunkNetwork, load_trunk


class _Embedding(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(1, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.Dropout(0.5))

    def forward(self, x_BCTM: Tensor) -> Tensor:
        return self.layers(x_BCTM).mean(dim=(2, 3))


class _Reshaped(nn.Module):
    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, x_BCTM: Tensor) -> Tensor:
        return x_BCTM.reshape(self.shape)


def _saved(folder: Path) -> Path:
    path = folder / "trunk.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch recommends other formats for new exports
        torch.jit.trace(_Embedding().eval(), torch.zeros(1, 1, 8, 4)).save(path)
    return path


def _input(batch: int = 3, frames: int = 8) -> Tensor:
    return torch.randn(batch, 1, frames, 4, generator=torch.Generator().manual_seed(0))


def test_a_trunk_gets_no_gradient_and_stays_in_evaluation_mode() -> None:
    trunk = FrozenTrunk(_Embedding())
    head = nn.Linear(6, 2)
    model = nn.Sequential(trunk, head).train()
    before = {name: tensor.clone() for name, tensor in trunk.state_dict().items()}
    model(_input() + 5).sum().backward()
    assert trunk.training
    assert not any(module.training for module in trunk.network.modules())
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in trunk.parameters())
    assert head.weight.grad is not None
    assert all(torch.equal(tensor, before[name]) for name, tensor in trunk.state_dict().items())


def test_without_the_wrapper_statistics_would_move() -> None:
    embedding = _Embedding().train()
    embedding(_input() + 5)
    assert embedding.layers[1].running_mean.any()


def test_a_torchscript_file_gives_the_embeddings_of_its_network(tmp_path: Path) -> None:
    path = _saved(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        network = torch.jit.load(path)
    trunk = load_trunk(path).train()
    torch.testing.assert_close(trunk(_input()), network.eval()(_input()))
    torch.testing.assert_close(trunk(_input()), trunk(_input()))
    assert all(not parameter.requires_grad for parameter in trunk.parameters())


def test_a_head_on_a_file_learns_and_the_trunk_does_not(tmp_path: Path) -> None:
    network = TrunkNetwork(TrunkConfig(n_classes=2, path=str(_saved(tmp_path)), n_frames=8, n_bands=4, hidden=5))
    network.train()
    optimiser = torch.optim.SGD([each for each in network.parameters() if each.requires_grad], lr=0.1)
    trunk_before = [parameter.clone() for parameter in network.trunk.parameters()]
    head_before = network.head.layers[3].weight.clone()
    nn.functional.cross_entropy(network(_input(frames=9)), torch.tensor([0, 1, 0])).backward()
    optimiser.step()
    assert network.head.layers[0].in_features == 6
    assert not torch.equal(network.head.layers[3].weight, head_before)
    assert trunk_before
    assert all(torch.equal(a, b) for a, b in zip(network.trunk.parameters(), trunk_before, strict=True))


def test_frames_and_positions_are_averaged() -> None:
    x_BCTM = torch.arange(12.0).reshape(1, 1, 3, 4)
    assert FrozenTrunk(_Reshaped(1, 3, 4))(x_BCTM).tolist() == [[4.0, 5.0, 6.0, 7.0]]  # mean over three frames
    assert FrozenTrunk(_Reshaped(1, 2, 3, 2))(x_BCTM).tolist() == [[2.5, 8.5]]  # mean over 3 x 2 positions
    assert FrozenTrunk(_Reshaped(1, 12))(x_BCTM).shape == (1, 12)


def test_an_output_without_rows_is_refused() -> None:
    with pytest.raises(ValueError, match=r"embedding of shape \(12,\)"):
        FrozenTrunk(_Reshaped(12))(torch.zeros(1, 1, 3, 4))


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.pt"
    path.write_text("no network")
    with pytest.raises(ValueError, match=r"notes\.pt cannot be read as TorchScript"):
        load_trunk(path)


def test_a_missing_file_is_refused_by_the_configuration(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected a TorchScript or ONNX file"):
        TrunkConfig(n_classes=2, path=str(tmp_path / "none.pt"), n_frames=8, n_bands=4)
