"""Mel spectrograms, and pictures of them whose brightness rises evenly with level.

The spectrogram equals ``librosa.feature.melspectrogram`` (Hann window, centred frames padded with zeros, power,
Slaney's mel scale and area normalisation) without librosa, which the web process need not load.

References
----------
Slaney, "Auditory Toolbox version 2", Interval Research technical report 1998-010 (mel scale and filters);
Green, "A colour scheme for the display of astronomical intensity images", Bull. Astron. Soc. India 39, 2011,
equation 2 (cubehelix: perceived brightness rises monotonically, also in grey and for colour-blind eyes).
"""

from __future__ import annotations

import io
from functools import lru_cache

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from PIL import Image
from scipy.sparse import csr_array

FULL_SCALE = 32_768
N_FFT = 2_048
N_MELS = 128
FRAMES_AT_ONCE = 256
FRAMES_PER_COLUMN = 8  # at most: what a long recording has between is sampled, a picture stays cheap
TOP_DB = 80.0
QUIETEST_REFERENCE = 1e-4  # power; below it a picture is dark, since nothing in it could be heard
WEBP_QUALITY = 80
WEBP_EFFORT = 2

# Slaney's mel scale: linear below 1 kHz, then 27 steps for a factor of 6.4
LINEAR_HZ_PER_MEL = 200 / 3
BREAK_HZ = 1_000.0
LOG_STEP = np.log(6.4) / 27


def hz_to_mel(frequency_hz: float) -> float:
    """Return a frequency in Slaney's mels."""
    if frequency_hz < BREAK_HZ:
        return frequency_hz / LINEAR_HZ_PER_MEL
    return float(BREAK_HZ / LINEAR_HZ_PER_MEL + np.log(frequency_hz / BREAK_HZ) / LOG_STEP)


def mel_to_hz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return frequencies in hertz of Slaney's mels."""
    break_mel = BREAK_HZ / LINEAR_HZ_PER_MEL
    return np.where(mels < break_mel, mels * LINEAR_HZ_PER_MEL, BREAK_HZ * np.exp(LOG_STEP * (mels - break_mel)))


@lru_cache(maxsize=16)
def mel_filters(sample_rate_hz: int, n_fft: int = N_FFT, n_mels: int = N_MELS) -> csr_array:
    """Return triangular filters of equal area, evenly spaced on the mel scale from 0 Hz to half the rate.

    Parameters
    ----------
    sample_rate_hz : int
        Rate in hertz.
    n_fft : int
        Length of the transform in samples.
    n_mels : int
        Number of filters.

    Returns
    -------
    csr_array of float32 [shape=(n_mels, n_fft // 2 + 1)]
        Weights; a bin lies in two filters at most, and a sparse product starts no threads in the web process.
    """
    edges_hz = mel_to_hz(np.linspace(0, hz_to_mel(sample_rate_hz / 2), n_mels + 2))
    bins_hz = np.arange(n_fft // 2 + 1) * (sample_rate_hz / n_fft)
    widths_hz = np.diff(edges_hz)[:, np.newaxis]
    ramps = edges_hz[:, np.newaxis] - bins_hz
    rising, falling = -ramps[:-2] / widths_hz[:-1], ramps[2:] / widths_hz[1:]
    areas = (2 / (edges_hz[2:] - edges_hz[:-2]))[:, np.newaxis]
    return csr_array((np.maximum(0, np.minimum(rising, falling)) * areas).astype(np.float32))


def mel_spectrogram(
    samples: NDArray[np.int16],
    sample_rate_hz: int,
    *,
    centres: NDArray[np.int64],
    n_fft: int = N_FFT,
    n_mels: int = N_MELS,
) -> NDArray[np.float32]:
    """Return the mel power spectrogram of frames around given samples.

    Parameters
    ----------
    samples : ndarray of int16 [shape=(n,)]
        Mono samples.
    sample_rate_hz : int
        Rate in hertz.
    centres : ndarray of int64 [shape=(t,)]
        Middle of each frame, in samples, 0 to n; ``hop_length * arange(t)`` gives librosa's frames.
    n_fft : int
        Frame length in samples.
    n_mels : int
        Number of mel bands.

    Returns
    -------
    ndarray of float32 [shape=(n_mels, t)]
        Power, full scale being 1.
    """
    padded = np.zeros(len(samples) + n_fft, dtype=np.int16)
    padded[n_fft // 2 : n_fft // 2 + len(samples)] = samples
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)).astype(np.float32) / FULL_SCALE
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)
    filters = mel_filters(sample_rate_hz, n_fft, n_mels)
    mel = np.empty((n_mels, len(centres)), dtype=np.float32)
    for start in range(0, len(centres), FRAMES_AT_ONCE):
        part = slice(start, start + FRAMES_AT_ONCE)
        spectrum = scipy.fft.rfft(frames[centres[part]] * window, axis=1)
        power = np.square(spectrum.real) + np.square(spectrum.imag)
        mel[:, part] = filters @ power.T.astype(np.float32, copy=False)
    return mel


@lru_cache(maxsize=1)
def cubehelix() -> NDArray[np.uint8]:
    """Return Green's default colours (start 0.5, -1.5 rotations, hue 1, gamma 1) from black to white.

    Returns
    -------
    ndarray of uint8 [shape=(256, 3)]
        Red, green and blue by level.
    """
    start, rotations, hue = 0.5, -1.5, 1.0
    level = np.linspace(0, 1, 256)
    angle = 2 * np.pi * (start / 3 + rotations * level)
    deviation = hue * level * (1 - level) / 2
    mixing = np.array([[-0.14861, 1.78277], [-0.29227, -0.90649], [1.97294, 0.0]])
    colours = level + deviation * (mixing @ np.stack([np.cos(angle), np.sin(angle)]))
    table: NDArray[np.uint8] = np.rint(255 * np.clip(colours.T, 0, 1)).astype(np.uint8)
    return table


def mel_picture(samples: NDArray[np.int16], sample_rate_hz: int, *, width: int = 1000, height: int = N_MELS) -> bytes:
    """Draw a mel spectrogram: time to the right, low frequencies at the bottom, 80 dB from black to white.

    Parameters
    ----------
    samples : ndarray of int16 [shape=(n,)]
        Mono samples, at least one.
    sample_rate_hz : int
        Rate in hertz.
    width : int
        Columns; each shows the mean power of up to `FRAMES_PER_COLUMN` frames spread evenly over its time.
    height : int
        Rows, one mel band each.

    Returns
    -------
    bytes
        A WebP picture. White is the loudest point, but not less than -40 dB of full scale.

    Raises
    ------
    ValueError
        If there are no samples.
    """
    if not len(samples):
        raise ValueError("No samples: a spectrogram needs at least one.")
    per_column = int(np.clip(np.ceil(len(samples) / (width * N_FFT / 2)), 1, FRAMES_PER_COLUMN))
    places = np.arange(width * per_column, dtype=np.int64)
    centres = (2 * places + 1) * len(samples) // (2 * width * per_column)
    mel = mel_spectrogram(samples, sample_rate_hz, centres=centres, n_mels=height)
    mel = mel.reshape(height, width, per_column).mean(axis=2)
    reference = max(float(mel.max()), QUIETEST_REFERENCE)
    level_db = 10 * np.log10(np.maximum(mel, 1e-20) / reference)
    shade = np.clip(255 * (1 + level_db / TOP_DB), 0, 255).astype(np.uint8)
    file = io.BytesIO()
    picture = Image.fromarray(cubehelix()[shade[::-1]])
    picture.save(file, format="WEBP", quality=WEBP_QUALITY, method=WEBP_EFFORT)
    return file.getvalue()
