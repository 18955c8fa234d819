"""How a training is computed on the device that does it.

A plan says what is learned; it is made before anybody knows which worker takes a step, and the same plan gives the
same numbers on any processor. How the numbers are computed is decided here, where the step is done. On an accelerator
that is

* bfloat16 in convolutions and matrix products, where the device has it (weights, losses, normalisations and scores stay
  in single precision, see `ml.networks.single_precision`);
* channels last, which is the layout that matrix units read;
* a compiled network, where that pays.

Compiling takes the processor a minute or two for each training, and again for the odd last batch. What it saves is the
time in which normalisations and rectifiers pass over the memory, a fifth of a step or so. At the 1e14 operations in a
second that present accelerators reach with such networks, a fifth of `COMPILED_OPERATIONS` makes up for two minutes.
These are estimates; `benchmarks/train.py --compiled` measures a machine. By them Dorfer's network is compiled at the
paper's length, and the small networks of `nguyen` and `earmark` never are.

On a processor a training stays as it is, to the bit.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

from ml.networks.flops import count_multiply_accumulates
from ml.training import parallel
from ml.training.config import TrainingConfig

COMPILED_OPERATIONS = 6e16  # of a training
OPERATIONS = 6  # of a multiply-accumulate: two forward, and twice as many backward


def fitted_to(
    device: torch.device, training: TrainingConfig, *, network: nn.Module, channels: int, bands: int, steps: int
) -> TrainingConfig:
    """Say how a training is computed on a device.

    Parameters
    ----------
    device : torch.device
        Where it will be done.
    training : TrainingConfig
        What is to be learned.
    network : Module
        The network, wherever it lies; on an accelerator it is tried once with one excerpt of zeros.
    channels, bands : int
        Shape of an excerpt, beside its frames.
    steps : int
        Batches of the whole training.

    Returns
    -------
    TrainingConfig
        The training itself on a processor; else with other ``precision``, ``channels_last`` and ``compiled``.
    """
    if device.type != "cuda":
        return training
    place = next(network.parameters()).device
    x_BCTM = torch.zeros(1, channels, training.crop_frames, bands, device=place)
    cost = count_multiply_accumulates(network, x_BCTM)
    return replace(
        training,
        precision="bf16" if computes_bfloat16(device) else "fp32",
        channels_last=True,
        # A process that fails to compile would leave the others waiting.
        compiled=parallel.rank_and_size()[1] == 1
        and OPERATIONS * cost * training.batch_size * steps >= COMPILED_OPERATIONS,
    )


def computes_bfloat16(device: torch.device) -> bool:
    """Tell whether an accelerator computes in bfloat16 itself; older ones are slower with it than without."""
    with torch.cuda.device(device):
        found: bool = torch.cuda.is_bf16_supported(including_emulation=False)
    return found
