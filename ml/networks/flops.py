"""What a network costs: the multiplications and additions of one input.

Published figures count a product and the addition of it to a sum as one multiply-accumulate, and only those of
convolutions, linear, recurrent and attention layers, next to which the rest is little. Each such layer is
watched while the network runs once, so that what is counted is what was computed, loops included. Runs on the
``meta`` device, which computes shapes alone, give the same counts in no time.

Shape legend: B batch, C channel, T frame, M mel band.

References
----------
.. [1] A. Howard et al., "MobileNets", 2017, section 3.1 (multiply-adds of convolutions).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def count_multiply_accumulates(network: nn.Module, x_BCTM: Tensor) -> int:
    """Count the multiply-accumulates of one input.

    Parameters
    ----------
    network : nn.Module
        The network; it runs once in evaluation mode and gets its mode back.
    x_BCTM : float Tensor [shape=(batch, channels, frames, bands)]
        Input on the network's device.

    Returns
    -------
    int
        Multiply-accumulates in convolutions, linear layers, gated recurrent units and multi-head attention.
    """
    counts: list[int] = []

    def watch(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        counts.append(_count(module, inputs, output))

    modules = list(network.modules())
    modes = [module.training for module in modules]
    watched = (nn.Conv2d, nn.Linear, nn.GRU, nn.MultiheadAttention)
    handles = [module.register_forward_hook(watch) for module in modules if isinstance(module, watched)]
    network.eval()
    try:
        with torch.no_grad():
            network(x_BCTM)
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in zip(modules, modes, strict=True):
            module.training = mode
    return sum(counts)


def _count(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> int:
    if isinstance(module, nn.Conv2d):
        height, width = module.kernel_size
        return int(output.numel()) * (module.in_channels // module.groups) * height * width
    if isinstance(module, nn.Linear):
        return int(output.numel()) * module.in_features
    if isinstance(module, nn.GRU):
        return _count_gru(module, inputs[0])
    assert isinstance(module, nn.MultiheadAttention)  # noqa: S101 - the caller watches no other kind
    return _count_attention(module, inputs[0], inputs[1])


def _count_gru(module: nn.GRU, x: Tensor) -> int:
    """Three gates read the input and the state, in each direction of each layer."""
    directions = 2 if module.bidirectional else 1
    steps = x.numel() // x.shape[-1]
    total = 0
    inputs = module.input_size
    for _ in range(module.num_layers):
        total += steps * directions * 3 * module.hidden_size * (inputs + module.hidden_size)
        inputs = directions * module.hidden_size
    return total


def _count_attention(module: nn.MultiheadAttention, query: Tensor, key: Tensor) -> int:
    """Project queries, keys, values and results; multiply queries by keys and weights by values."""
    width = module.embed_dim
    axis = 1 if module.batch_first else 0
    queries, keys = query.shape[axis], key.shape[axis]
    batch = query.shape[1 - axis]
    projections = 2 * queries * width * width + keys * width * (module.kdim + module.vdim)
    return int(batch * (projections + 2 * queries * keys * width))
