"""Levels: power in decibels, natural logarithms, and weighting by the ear's sensitivity.

Networks are fed logarithms of energy, since hearing is closer to ratios than to differences. The papers differ in
what keeps silence finite: a least power `amin` and a floor `top_db` below the maximum (librosa), or an offset added
before the logarithm (FSDKaggle2018 section 4, "a small offset to avoid numerical issues").

Unlike librosa, which takes a maximum over whatever array it is given, maxima here are those of each clip of a batch, so
that a clip's features do not depend on its neighbours.

References
----------
.. [1] ``librosa.power_to_db``, ``librosa.A_weighting``, ``librosa.perceptual_weighting`` (version 0.11).
.. [2] IEC 61672-1:2013, "Electroacoustics - Sound level meters", annex E (the A curve).

Shapes: B batch, T frame, F FFT bin, M band.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Reference = Literal["one", "clip_maximum"]

# The poles of the A curve in Hz (IEC 61672-1), and the 2 dB that put its value at 1 kHz to 0 dB.
_A_POLES_HZ = (20.598997, 107.65265, 737.86223, 12194.217)
_A_GAIN_DB = 2.0
A_FLOOR_DB = -80.0  # librosa's: at 0 Hz the curve falls without end


def power_to_db(
    power_BTM: Tensor, *, reference: Reference = "one", amin: float = 1e-10, top_db: float | None = 80.0
) -> Tensor:
    """Express power in decibels.

    Parameters
    ----------
    power_BTM : Tensor [shape=(batch, frames, bands)]
        Power, zero or positive.
    reference : {"one", "clip_maximum"}
        What 0 dB is: power 1, or each clip's maximum.
    amin : float
        Least power.
    top_db : float, optional
        Most that a value may lie below its clip's maximum, in dB.

    Returns
    -------
    Tensor [shape=(batch, frames, bands)]
        Level in dB.
    """
    level_BTM = 10.0 * torch.log10(power_BTM.clamp(min=amin))
    loudest_B11 = level_BTM.amax(dim=(-2, -1), keepdim=True)
    if reference == "clip_maximum":
        level_BTM = level_BTM - loudest_B11
        loudest_B11 = torch.zeros_like(loudest_B11)
    if top_db is None:
        return level_BTM
    return torch.maximum(level_BTM, loudest_B11 - top_db)


def a_weighting(frequencies_F: Tensor) -> Tensor:
    """Evaluate the A curve, the ear's sensitivity to soft sounds.

    Parameters
    ----------
    frequencies_F : Tensor [shape=(bins,)]
        Frequencies in Hz.

    Returns
    -------
    Tensor [shape=(bins,)]
        Weights in dB, 0 at 1 kHz, at least -80.

    References
    ----------
    IEC 61672-1, annex E.
    """
    squared_F = frequencies_F.square()
    first, second, third, fourth = (pole * pole for pole in _A_POLES_HZ)
    gain_F = (
        fourth
        * squared_F.square()
        / ((squared_F + first) * (squared_F + fourth) * ((squared_F + second) * (squared_F + third)).sqrt())
    )
    return (_A_GAIN_DB + 20.0 * torch.log10(gain_F)).clamp(min=A_FLOOR_DB)


def perceptual_weighting(
    power_BTF: Tensor,
    frequencies_F: Tensor,
    *,
    reference: Reference = "one",
    amin: float = 1e-10,
    top_db: float | None = 80.0,
) -> Tensor:
    """Express power in decibels and add the A curve to each frequency.

    Parameters
    ----------
    power_BTF : Tensor [shape=(batch, frames, bins)]
        Power, zero or positive.
    frequencies_F : Tensor [shape=(bins,)]
        Frequency of each bin in Hz.
    reference, amin, top_db
        As in `power_to_db`; the floor is applied before the weights.

    Returns
    -------
    Tensor [shape=(batch, frames, bins)]
        Weighted level in dB.

    References
    ----------
    Dorfer and Widmer, section 2, version 1 (``librosa.perceptual_weighting``).
    """
    weights_F = a_weighting(frequencies_F).to(power_BTF.dtype)
    return power_to_db(power_BTF, reference=reference, amin=amin, top_db=top_db) + weights_F


def natural_log(energy_BTM: Tensor, *, offset: float) -> Tensor:
    """Take the natural logarithm after adding an offset.

    Parameters
    ----------
    energy_BTM : Tensor [shape=(batch, frames, bands)]
        Power or magnitude, zero or positive.
    offset : float
        Positive number that keeps silence finite.

    Returns
    -------
    Tensor [shape=(batch, frames, bands)]
        Logarithms.

    References
    ----------
    Fonseca et al., FSDKaggle2018, section 4.
    """
    return torch.log(energy_BTM + offset)
