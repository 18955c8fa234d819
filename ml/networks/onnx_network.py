"""An ONNX file as a network.

ONNX is the format in which most tools export a trained model. ``onnxruntime`` runs it; the package is imported
only when somebody has such a file, since nothing else needs it. The model runs on the processor, and no gradient
passes through it, which a frozen trunk does not need.

Shape legend: B batch, C channel, T frame, M mel band; models of samples take (B, samples).

References
----------
.. [1] ONNX, "Open neural network exchange: intermediate representation specification", 2019.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn


class OnnxNetwork(nn.Module):
    """An ONNX file as a network; it runs on the processor, whatever the device of its input.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    ValueError
        If ``onnxruntime`` is missing, it cannot read the file, or the model takes not exactly one input.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        try:
            runtime = importlib.import_module("onnxruntime")
        except ImportError as error:
            message = f"{path.name} is an ONNX file: expected the package onnxruntime; install it, or give TorchScript."
            raise ValueError(message) from error
        try:
            self._session: Any = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        except Exception as error:  # its errors have no ancestor of their own
            message = f"{path.name} cannot be read as ONNX: {error} Export the model again."
            raise ValueError(message) from error
        inputs = [entry.name for entry in self._session.get_inputs()]
        if len(inputs) != 1:
            message = f"{path.name} takes {len(inputs)} inputs ({', '.join(inputs)}): expected one."
            raise ValueError(message)
        self._input = inputs[0]

    def forward(self, x_BCTM: Tensor) -> Tensor:
        """Return the first output of the model."""
        outputs = self._session.run(None, {self._input: x_BCTM.detach().cpu().numpy()})
        return torch.from_numpy(outputs[0]).to(x_BCTM.device)
