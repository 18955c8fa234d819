"""What stays in single precision when a network computes in bfloat16.

On an accelerator convolutions and matrix products run in bfloat16 under `torch.autocast`, which keeps losses and
normalisations in single precision by itself. A bfloat16 has eight significant bits: a score of 10 would be known to
0.06, and clips whose probabilities differ by less would tie. So the last layer of each network, whose products cost
next to nothing, and what averages its maps or takes logarithms, are computed in single precision.

References
----------
.. [1] P. Micikevicius et al., "Mixed precision training", ICLR 2018, section 3.3 (large sums and softmax).
"""

from __future__ import annotations

from contextlib import nullcontext

import torch
from torch import Tensor, nn


def in_single_precision(layers: nn.Module, x: Tensor) -> Tensor:
    """Apply layers outside of `torch.autocast`.

    Parameters
    ----------
    layers : nn.Module
        Layers with weights in single precision.
    x : float Tensor
        Their input, in any precision.

    Returns
    -------
    Tensor
        Their output, in single precision under `torch.autocast`; elsewhere what the layers give by themselves.
    """
    # The meta device, on which costs are counted, knows no autocast.
    mixed = not x.is_meta and torch.is_autocast_enabled(x.device.type)
    with torch.autocast(x.device.type, enabled=False) if mixed else nullcontext():
        output: Tensor = layers(x.float() if mixed else x)
        return output
