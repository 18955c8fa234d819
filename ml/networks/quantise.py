"""Networks in 8 bits: weights rounded after training, a quarter of the size.

Task 1b of DCASE 2020 allows 500 KB, and the paper's networks fit after "dynamic range quantization": weights are
rounded to 8 bits once training is over, while activations stay floating point, so no data are needed. Each output
channel of a convolution, and each row of a linear, recurrent or attention matrix, is scaled by its own largest
magnitude to the integers -127 to 127. The dynamic quantisation that torch has leaves convolutions out, which are
nearly all of these networks; so it is done here with plain arithmetic.

What is not a matrix is small but not negligible beside 8-bit weights. So a batch normalisation is stored as the
one scale and offset per channel that it amounts to in evaluation mode, not as four numbers, and vectors are
stored in 16 bits where that changes no entry noticeably. `load_quantised` puts the rounded weights back as
floating point numbers into a network of the same configuration, which is then fit for inference, not for training.

References
----------
.. [1] H. Hu et al., "Device-robust acoustic scene classification based on two-stage categorization and data
   augmentation", DCASE 2020, section 4 and table 2.
.. [2] B. Jacob et al., "Quantization and training of neural networks for efficient integer-arithmetic-only
   inference", CVPR 2018, section 2.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ml.networks.tensor_file import read_arrays, write_arrays

LARGEST = 127
SCALE = ":scale"  # after the name of a weight; no parameter's name holds a colon
HALF_TOLERANCE = 1e-3  # of an entry, and a tenth of it of the vector's largest


def quantise_weight(weight: Tensor) -> tuple[NDArray[np.int8], NDArray[Any]]:
    """Round a weight to 8 bits, row by row.

    Parameters
    ----------
    weight : float Tensor [shape=(rows, ...)]
        Weight of two or more axes; rows are output channels.

    Returns
    -------
    int8 array [shape=(rows, ...)]
        Integers of -127 to 127.
    float16 or float32 array [shape=(rows,)]
        What to multiply each row by; 1 for a row of zeros.
    """
    rows = weight.detach().cpu().float().flatten(1).numpy()
    largest = np.abs(rows).max(axis=1)
    scale = compact_vector(np.where(largest > 0, largest / LARGEST, 1).astype(np.float32))
    integers = np.rint(rows / scale.astype(np.float32)[:, None]).clip(-LARGEST, LARGEST).astype(np.int8)
    return integers.reshape(tuple(weight.shape)), scale


def compact_vector(vector: NDArray[np.float32]) -> NDArray[Any]:
    """Store a vector in 16 bits if no entry changes noticeably.

    Parameters
    ----------
    vector : float32 array
        Any shape.

    Returns
    -------
    float16 or float32 array
        The vector; in 16 bits if each entry stays within a thousandth of itself or, near zero, within a
        ten-thousandth of the largest.
    """
    with np.errstate(over="ignore"):
        half = vector.astype(np.float16)
    near_zero = HALF_TOLERANCE / 10 * float(np.abs(vector).max(initial=0))
    return half if np.allclose(half.astype(np.float32), vector, rtol=HALF_TOLERANCE, atol=near_zero) else vector


def save_quantised(network: nn.Module, path: Path) -> int:
    """Save a network in 8 bits.

    Parameters
    ----------
    network : nn.Module
        The network, trained.
    path : Path
        The file, which is replaced if it exists.

    Returns
    -------
    int
        Bytes of the file.
    """
    arrays: dict[str, NDArray[Any]] = {}
    for name, tensor in _stored_tensors(network):
        if tensor.dim() > 1:
            arrays[name], arrays[name + SCALE] = quantise_weight(tensor)
        else:
            arrays[name] = compact_vector(tensor.detach().cpu().float().numpy())
    return write_arrays(path, arrays)


def load_quantised(network: nn.Module, path: Path) -> None:
    """Load a network that was saved in 8 bits, in place, and put it in evaluation mode.

    Parameters
    ----------
    network : nn.Module
        A network of the same configuration, whatever its weights.
    path : Path
        A file of `save_quantised`.

    Raises
    ------
    ValueError
        If the file holds other names or shapes than the network, or is damaged.
    """
    arrays = read_arrays(path)
    state = network.state_dict()
    loaded: dict[str, Tensor] = {}
    for name, tensor in _stored_tensors(network):
        found = arrays.pop(name, None)
        if found is None or found.shape != tuple(tensor.shape):
            shape = "nothing" if found is None else f"shape {found.shape}"
            message = f"{path.name} has {shape} for {name}: expected shape {tuple(tensor.shape)}."
            raise ValueError(message)
        values = found.astype(np.float32)
        if found.dtype == np.int8:
            scale = arrays.pop(name + SCALE).astype(np.float32)
            values = values * scale.reshape(-1, *[1] * (found.ndim - 1))
        loaded[name] = torch.from_numpy(values)
    if arrays:
        message = f"{path.name} holds {next(iter(arrays))}, which the network lacks: expected the same configuration."
        raise ValueError(message)
    for name, module in _folded_normalisations(network):
        # The stored scale and offset stand for the whole normalisation, so its statistics must change nothing.
        loaded[f"{name}.running_mean"] = torch.zeros(module.num_features)
        loaded[f"{name}.running_var"] = torch.full((module.num_features,), 1 - module.eps)
    network.load_state_dict({**state, **loaded})
    network.eval()


def _folded_normalisations(network: nn.Module) -> Iterator[tuple[str, _BatchNorm]]:
    for name, module in network.named_modules():
        if isinstance(module, _BatchNorm) and module.affine and module.track_running_stats:
            yield name, module


def _stored_tensors(network: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Yield what is stored: all floating point numbers, with normalisations as scale and offset."""
    folded: dict[str, Tensor | None] = {}
    for name, module in _folded_normalisations(network):
        mean, variance = module.running_mean, module.running_var
        assert mean is not None  # noqa: S101 - it tracks its statistics
        assert variance is not None  # noqa: S101 - as above
        scale = module.weight / torch.sqrt(variance + module.eps)
        folded[f"{name}.weight"] = scale
        folded[f"{name}.bias"] = module.bias - mean * scale
        folded[f"{name}.running_mean"] = folded[f"{name}.running_var"] = None
    for name, tensor in network.state_dict().items():
        stored = folded.get(name, tensor)
        if stored is not None and stored.is_floating_point():
            yield name, stored
