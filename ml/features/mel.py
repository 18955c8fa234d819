"""Mel filterbanks: triangles that are evenly spaced on a scale of perceived pitch.

Two scales go by the name of mel. Slaney's (Auditory Toolbox, librosa's default) is linear below 1 kHz and logarithmic
above; HTK's, ``2595 log10(1 + f / 700)``, bends everywhere. With ``norm="slaney"`` each triangle has unit area in Hz,
so that white noise is flat over the bands; without, each triangle's peak is 1. The DCASE 2020 paper names the HTK
formula, the others say "mel" and use librosa or kapre, whose default is Slaney's.

References
----------
.. [1] M. Slaney, "Auditory Toolbox, version 2", Interval Research technical report 1998-010.
.. [2] S. Young et al., "The HTK Book", section 5.6.

Shapes: F FFT bin, M mel band.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Literal

import torch
from torch import Tensor

from ml.features.stft import fft_frequencies

MelScale = Literal["mel_slaney", "mel_htk"]

# Slaney's scale: 3 mel to 200 Hz up to 1 kHz, then 27 mel to a factor of 6.4.
_HZ_PER_MEL = 200.0 / 3.0
_KNEE_HZ = 1000.0
_KNEE_MEL = _KNEE_HZ / _HZ_PER_MEL
_LOG_STEP = math.log(6.4) / 27.0


@lru_cache(maxsize=64)
def mel_filterbank(
    *,
    sample_rate_hz: int,
    n_fft: int,
    n_bands: int,
    fmin_hz: float,
    fmax_hz: float,
    scale: MelScale,
    norm: Literal["slaney"] | None = "slaney",
    device: torch.device | None = None,
) -> Tensor:
    """Build the weights that sum FFT bins into mel bands; do not write into the result, it is shared.

    Parameters
    ----------
    sample_rate_hz : int
        Sample rate.
    n_fft : int
        Length of the transform in samples.
    n_bands : int
        Number of bands.
    fmin_hz, fmax_hz : float
        Lower edge of the first and upper edge of the last triangle.
    scale : {"mel_slaney", "mel_htk"}
        The mel scale.
    norm : {"slaney"} or None
        Unit area in Hz, or unit peak.
    device : torch.device, optional
        Where the result lies.

    Returns
    -------
    float64 Tensor [shape=(n_fft // 2 + 1, n_bands)]
        Weights, zero or positive. A band narrower than the distance of two bins may have none.

    References
    ----------
    As ``librosa.filters.mel``, transposed.
    """
    low, high = _hz_to_mel(fmin_hz, scale), _hz_to_mel(fmax_hz, scale)
    mels = torch.linspace(low, high, n_bands + 2, dtype=torch.float64)
    edges = _mel_to_hz(mels, scale)
    bins_F1 = fft_frequencies(sample_rate_hz, n_fft)[:, None]
    rising_FM = (bins_F1 - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling_FM = (edges[2:] - bins_F1) / (edges[2:] - edges[1:-1])
    bank_FM = torch.minimum(rising_FM, falling_FM).clamp(min=0.0)
    if norm == "slaney":
        bank_FM = bank_FM * (2.0 / (edges[2:] - edges[:-2]))
    return bank_FM.to(device)


def _hz_to_mel(frequency: float, scale: MelScale) -> float:
    if scale == "mel_htk":
        return 2595.0 * math.log10(1.0 + frequency / 700.0)
    if frequency < _KNEE_HZ:
        return frequency / _HZ_PER_MEL
    return _KNEE_MEL + math.log(frequency / _KNEE_HZ) / _LOG_STEP


def _mel_to_hz(mels: Tensor, scale: MelScale) -> Tensor:
    if scale == "mel_htk":
        return 700.0 * (10.0 ** (mels / 2595.0) - 1.0)
    return torch.where(
        mels < _KNEE_MEL, mels * _HZ_PER_MEL, _KNEE_HZ * torch.exp(_LOG_STEP * (mels - _KNEE_MEL).clamp(min=0.0))
    )
