"""Filterbanks on a logarithmic frequency axis, and the emphasis of high frequencies that one of them needs.

On a logarithmic axis a change of speed or pitch moves a spectrum without bending it, which a convolution can follow.
An FFT has too few bins for it below some hundred hertz, and two of the papers answer that differently:

* Dorfer and Widmer (version 2) have "a logarithmic filter-bank again resulting in 128 frequency bins". The paper gives
  no more; their write-up gives 26 bands an octave from 20 Hz to 14 kHz, tuned to 440 Hz. Its 245 centres, rounded to
  bins of 31.25 Hz, leave 130 distinct bins, and triangles between neighbours make exactly the 128 of the paper
  (`distinct_bin_filterbank`). At the bottom a band is one bin.
* The blog shows a log-frequency spectrogram ("also referred to as constant-Q"). Here it has a given number of bands
  whose centres stand in geometric progression; a triangle never gets narrower than one bin to either side, so that at
  the bottom neighbouring bands interpolate between the same bins (`geometric_filterbank`). That it is made of an FFT
  and not of a constant-Q transform is our choice: it costs one transform and one product on the device.

The blog's emphasis is f(x) = x + x'/alpha with alpha = 1485 Hz. The derivative multiplies the spectrum by 2 pi i f, so
that the filter is H(f) = 1 + 2 pi i f / alpha and power is multiplied by 1 + (2 pi f / alpha)^2: flat below
alpha / 2 pi (236 Hz), 6 dB an octave above. The number agrees with the usual pre-emphasis y[n] = x[n] - 0.97 x[n - 1]
at the 48 kHz of its dataset, for y[n] / 0.03 = x[n] + (0.97 / 0.03) (x[n] - x[n - 1]) and 48,000 * 0.03 / 0.97 = 1,485.
Applied to the spectrum it means the same at every sample rate.

References
----------
.. [1] M. Dorfer and G. Widmer, "Training general-purpose audio tagging networks with noisy labels and iterative
   self-verification", DCASE 2018, section 2.
.. [2] H. Schuchardt, "Acoustic scene classification", 2019 (blog), sections "Log-frequency spectrograms" and
   "Pre-emphasis".

Shapes: F FFT bin, M band.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from ml.features.stft import fft_frequencies

TUNING_HZ = 440.0


def distinct_bins(
    *, sample_rate_hz: int, n_fft: int, bands_per_octave: int, fmin_hz: float, fmax_hz: float
) -> tuple[int, ...]:
    """Round the notes of a tempered scale to FFT bins and keep each bin once.

    Parameters
    ----------
    sample_rate_hz : int
        Sample rate.
    n_fft : int
        Length of the transform in samples.
    bands_per_octave : int
        Notes to the octave; one of them is 440 Hz.
    fmin_hz, fmax_hz : float
        Range of the notes.

    Returns
    -------
    tuple of int
        Bins in ascending order, below the one at half the sample rate. The first and the last are outer edges:
        they make two bands fewer.
    """
    first = math.ceil(bands_per_octave * math.log2(fmin_hz / TUNING_HZ))
    last = math.floor(bands_per_octave * math.log2(fmax_hz / TUNING_HZ))
    notes = (TUNING_HZ * 2.0 ** (note / bands_per_octave) for note in range(first, last + 1))
    highest = n_fft // 2 - 1
    return tuple(sorted({min(round(note * n_fft / sample_rate_hz), highest) for note in notes}))


@lru_cache(maxsize=64)
def distinct_bin_filterbank(
    *,
    sample_rate_hz: int,
    n_fft: int,
    bands_per_octave: int,
    fmin_hz: float,
    fmax_hz: float,
    device: torch.device | None = None,
) -> Tensor:
    """Build triangles from each distinct bin to its two neighbours; do not write into the result, it is shared.

    Parameters
    ----------
    sample_rate_hz, n_fft, bands_per_octave, fmin_hz, fmax_hz
        As in `distinct_bins`.
    device : torch.device, optional
        Where the result lies.

    Returns
    -------
    float64 Tensor [shape=(n_fft // 2 + 1, bands)]
        Weights; those of a band sum to 1.
    """
    bins = distinct_bins(
        sample_rate_hz=sample_rate_hz,
        n_fft=n_fft,
        bands_per_octave=bands_per_octave,
        fmin_hz=fmin_hz,
        fmax_hz=fmax_hz,
    )
    edges = torch.tensor(bins, dtype=torch.float64)
    places_F = torch.arange(n_fft // 2 + 1, dtype=torch.float64)
    return _triangles(places_F, edges[:-2], edges[1:-1], edges[2:]).to(device)


@lru_cache(maxsize=64)
def geometric_filterbank(
    *,
    sample_rate_hz: int,
    n_fft: int,
    n_bands: int,
    fmin_hz: float,
    fmax_hz: float,
    device: torch.device | None = None,
) -> Tensor:
    """Build triangles around centres in geometric progression; do not write into the result, it is shared.

    Parameters
    ----------
    sample_rate_hz : int
        Sample rate.
    n_fft : int
        Length of the transform in samples.
    n_bands : int
        Number of bands, at least 2.
    fmin_hz, fmax_hz : float
        Centres of the first and the last band.
    device : torch.device, optional
        Where the result lies.

    Returns
    -------
    float64 Tensor [shape=(n_fft // 2 + 1, n_bands)]
        Weights; those of a band sum to 1.
    """
    ratio = (fmax_hz / fmin_hz) ** (1.0 / (n_bands - 1))
    centres = fmin_hz * ratio ** torch.arange(-1, n_bands + 1, dtype=torch.float64)
    bin_hz = sample_rate_hz / n_fft
    lower = torch.minimum(centres[:-2], centres[1:-1] - bin_hz)
    upper = torch.maximum(centres[2:], centres[1:-1] + bin_hz)
    return _triangles(fft_frequencies(sample_rate_hz, n_fft), lower, centres[1:-1], upper).to(device)


def emphasis_power(frequencies_F: Tensor, *, alpha_hz: float) -> Tensor:
    """Compute what the filter x + x'/alpha does to power.

    Parameters
    ----------
    frequencies_F : Tensor [shape=(bins,)]
        Frequencies in Hz.
    alpha_hz : float
        Rate at which the derivative weighs as much as the signal (blog: 1485).

    Returns
    -------
    Tensor [shape=(bins,)]
        Factors, 1 at 0 Hz.

    References
    ----------
    Schuchardt, "Pre-emphasis".
    """
    return 1.0 + (2.0 * math.pi * frequencies_F / alpha_hz).square()


def _triangles(places_F: Tensor, lower_M: Tensor, centre_M: Tensor, upper_M: Tensor) -> Tensor:
    rising_FM = (places_F[:, None] - lower_M) / (centre_M - lower_M)
    falling_FM = (upper_M - places_F[:, None]) / (upper_M - centre_M)
    bank_FM = torch.minimum(rising_FM, falling_FM).clamp(min=0.0)
    total_M = bank_FM.sum(dim=0)
    return bank_FM / total_M
