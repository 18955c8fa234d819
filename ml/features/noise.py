"""Background-noise normalisation: each frequency in units of the noise under it.

Recordings come from kitchens, streets and studios, and a network learns the place together with the sound. Nguyen et
al. estimate the background of a clip as the 10th percentile over time of the magnitude in each frequency band and
divide by it (equation 1): a steady background becomes flat, and what rises above it stays.

The paper leaves open what becomes of a band that is silent in a tenth of its frames, whose noise would be 0: here noise
is at least `NOISE_FLOOR`. Equation 1 speaks of FFT bins, so that the division comes before the mel filterbank.

References
----------
.. [1] T. N. T. Nguyen et al., "DCASE 2018 task 2: iterative training, label smoothing, and background noise
   normalization for audio event tagging", DCASE 2018, section 2.2, equation 1.

Shapes: B batch, T frame, F FFT bin.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

NOISE_PERCENT = 10.0
NOISE_FLOOR = 1e-5  # magnitude whose power is librosa's least, 1e-10


def normalise_background(power_BTF: Tensor, *, percent: float = NOISE_PERCENT) -> Tensor:
    """Divide each frequency of each clip by its background noise.

    Parameters
    ----------
    power_BTF : Tensor [shape=(batch, frames, bins)]
        Power spectrograms.
    percent : float
        Percentile over time of the magnitude that counts as noise, 0 to 100.

    Returns
    -------
    Tensor [shape=(batch, frames, bins)]
        Squared magnitudes in units of the noise.

    References
    ----------
    Nguyen et al., equation 1.
    """
    noise_B1F = percentile_over_time(power_BTF.sqrt(), percent).clamp(min=NOISE_FLOOR)
    return power_BTF / noise_B1F.square()


def percentile_over_time(x_BTF: Tensor, percent: float) -> Tensor:
    """Find a percentile over the frames, with linear interpolation as in numpy.

    Parameters
    ----------
    x_BTF : Tensor [shape=(..., frames, bins)]
        Values.
    percent : float
        0 to 100.

    Returns
    -------
    Tensor [shape=(..., 1, bins)]
        Percentile of each bin.

    Notes
    -----
    ``torch.quantile`` refuses tensors of more than 16 million elements, which a batch exceeds, and ``torch.kthvalue``
    is not deterministic on accelerators.
    """
    place = percent / 100.0 * (x_BTF.shape[-2] - 1)
    below = math.floor(place)
    ordered_BTF = x_BTF.sort(dim=-2).values
    low = ordered_BTF[..., below : below + 1, :]
    if place == below:
        return low
    return torch.lerp(low, ordered_BTF[..., below + 1 : below + 2, :], place - below)
