import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ml.networks.frozen_trunk import load_trunk
from ml.networks.onnx_network import OnnxNetwork


class _Session:
    """Stands for a loaded model whose embedding is the sums of the bands over the frames."""

    names = ("mel",)

    def __init__(self, path: str, providers: list[str]) -> None:
        assert path.endswith(".onnx")
        assert providers == ["CPUExecutionProvider"]

    def get_inputs(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(name=name) for name in self.names]

    def run(self, outputs: None, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        assert outputs is None
        return [inputs["mel"].sum(axis=(1, 2))]


def test_the_first_output_is_the_embedding(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", SimpleNamespace(InferenceSession=_Session))
    trunk = load_trunk(tmp_path / "model.ONNX".lower())
    x_BCTM = torch.arange(6.0).reshape(1, 1, 3, 2).requires_grad_()
    assert trunk(x_BCTM).tolist() == [[6.0, 9.0]]


def test_a_missing_runtime_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ValueError, match=r"model\.onnx is an ONNX file: expected the package onnxruntime; install it"):
        load_trunk(tmp_path / "model.onnx")


def test_a_model_of_several_inputs_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", SimpleNamespace(InferenceSession=_Session))
    monkeypatch.setattr(_Session, "names", ("mel", "length"))
    with pytest.raises(ValueError, match=r"takes 2 inputs \(mel, length\): expected one"):
        OnnxNetwork(tmp_path / "model.onnx")
