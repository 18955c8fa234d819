from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ml.networks import waveform_trunk
from ml.networks.waveform_trunk import WaveformTrunk
from tests.factories.trunks import Flat, Knowing, Levels, OneLength, Pair, Squared, write_trunk


class _OneRow(nn.Module):
    """Gives one embedding, whatever the batch."""

    def forward(self, x_BL: Tensor) -> Tensor:
        return x_BL[:1, :4]


class _Wide(nn.Module):
    """Gives its input as an embedding."""

    def forward(self, x_BL: Tensor) -> Tensor:
        return x_BL


class _Whole(nn.Module):
    """Gives whole numbers."""

    def forward(self, x_BL: Tensor) -> Tensor:
        return x_BL[:, :2].round().long()


def test_samples_become_embeddings_whatever_stands_beside_them(tmp_path: Path) -> None:
    trunk = WaveformTrunk(write_trunk(tmp_path / "levels.pt", Levels()))
    excerpt_WL = torch.randn(waveform_trunk.AT_ONCE + 3, 50, generator=torch.Generator().manual_seed(1))
    found_WE = trunk.embeddings(excerpt_WL)
    expected_WE = Levels()(excerpt_WL).mean(dim=1)  # two frames each
    assert trunk.tried(50) == 3
    torch.testing.assert_close(found_WE, expected_WE)
    for _ in range(4):  # TorchScript would optimise what it has seen twice
        assert torch.equal(trunk.embeddings(excerpt_WL), found_WE)


def test_whole_numbers_are_taken(tmp_path: Path) -> None:
    assert WaveformTrunk(write_trunk(tmp_path / "whole.pt", _Whole())).embeddings(torch.ones(1, 5)).tolist() == [[1, 1]]


@pytest.mark.parametrize(
    ("network", "told"),
    [
        (Flat(), r"embedding of shape \(400,\): expected one row for each clip of the batch\. Export it so\."),
        (Pair(), r"output of type tuple: expected one tensor, the embedding\. Export it so\."),
        (OneLength(), r"cannot hear an input of shape \(2, 200\): .*mend window_s in the file beside it"),
        (_OneRow(), r"gives \(1, 4\) for an input of shape \(2, 200\): expected one embedding of 1 to 16384 numbers"),
    ],
)
def test_what_gives_no_embeddings_is_named_with_the_remedy(tmp_path: Path, network: nn.Module, told: str) -> None:
    trunk = WaveformTrunk(write_trunk(tmp_path / "bad.pt", network))
    with pytest.raises(ValueError, match=rf"Trunk bad\.pt:? ?{told}"):
        trunk.tried(200)


def test_an_input_that_comes_back_is_no_embedding(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected one embedding of 1 to 16384 numbers"):
        WaveformTrunk(write_trunk(tmp_path / "wide.pt", _Wide())).tried(waveform_trunk.MOST_NUMBERS + 1)


def test_numbers_that_are_none_are_refused(tmp_path: Path) -> None:
    trunk = WaveformTrunk(write_trunk(tmp_path / "squared.pt", Squared()))
    assert trunk.tried(50) == 4
    with pytest.raises(ValueError, match=r"Trunk squared\.pt gives numbers that are not finite\. Look for"):
        trunk.embeddings(torch.zeros(1, 50))


def test_too_little_memory_halves_the_batch_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    trunk = WaveformTrunk(write_trunk(tmp_path / "knowing.pt", Knowing()))
    heard, sizes = trunk._heard, []

    def scarce(excerpt_BL: Tensor) -> Tensor:
        sizes.append(len(excerpt_BL))
        if len(excerpt_BL) > 4:
            raise torch.OutOfMemoryError
        return heard(excerpt_BL)

    monkeypatch.setattr(trunk, "_heard", scarce)
    assert tuple(trunk.embeddings(torch.zeros(10, 20)).shape) == (10, 3)
    assert sizes == [10, 5, 2, 2, 2, 2, 2]
    assert tuple(trunk.embeddings(torch.zeros(3, 20)).shape) == (3, 3)
    assert caplog.messages == [
        f"Device memory did not suffice for {count} excerpts at once in trunk knowing.pt; batches are halved."
        for count in (10, 5)
    ]


def test_a_device_that_answers_no_more_is_no_fault_of_the_file(tmp_path: Path) -> None:
    # "meta" computes shapes and never gives a number, as a device does that fell off the bus.
    trunk = WaveformTrunk(write_trunk(tmp_path / "one.pt", OneLength()), device="meta")
    with pytest.raises(RuntimeError, match="shape"):
        trunk.tried(200)


def test_an_onnx_file_takes_samples_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Session:
        """Stands for a loaded model: the package that runs ONNX is not among those of the project."""

        def __init__(self, path: str, providers: list[str]) -> None:
            assert providers == ["CPUExecutionProvider"]
            if Path(path).read_bytes() != b"model":
                raise KeyError("INVALID_PROTOBUF")

        def get_inputs(self) -> list[SimpleNamespace]:
            return [SimpleNamespace(name="samples")]

        def run(self, _: None, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
            return [inputs["samples"][:, :2]]

    monkeypatch.setitem(sys.modules, "onnxruntime", SimpleNamespace(InferenceSession=Session))
    path = tmp_path / "model.onnx"
    path.write_bytes(b"model")
    assert WaveformTrunk(path).embeddings(torch.tensor([[1.0, 2.0, 3.0]])).tolist() == [[1, 2]]
    path.write_bytes(b"text")
    with pytest.raises(ValueError, match=r"model\.onnx cannot be read as ONNX: .*INVALID_PROTOBUF"):
        WaveformTrunk(path)
