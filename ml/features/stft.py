"""Power spectrograms of a batch, framed as librosa frames them.

All features here begin with the squared magnitude of a short-time Fourier transform. The papers differ in how they
frame a clip, and their tables show it in the number of frames:

``centred``
    Frame t is centred on sample t * hop; half a window of zeros is put before and after the clip. A clip of N samples
    has 1 + floor(N / hop) frames (DCASE 2020: 10 s at 44.1 kHz, hop 1024, 431 frames).
``uncentred``
    Only whole windows: 1 + floor((N - n_fft) / hop) frames (CochlScene table II: 10 s, window 1764, hop 882,
    499 frames).
``per_hop``
    Centred, one frame for each hop that has begun: ceil(N / hop) frames (ICME 2024: 10 s, hop 882, 500 frames). It
    drops the centred frame that stands on the very end of the clip, half of it zeros.

The window is the periodic Hann window; where it is shorter than the transform it stands in the middle of zeros.

References
----------
.. [1] B. McFee et al., "librosa: Audio and music signal analysis in Python", SciPy 2015 (``librosa.stft`` with
   ``pad_mode="constant"``).

Shapes: B batch, N sample, T frame, F FFT bin.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

Framing = Literal["centred", "uncentred", "per_hop"]
FRAMINGS: tuple[Framing, ...] = get_args(Framing)


def power_spectrogram(
    samples_BN: Tensor, *, n_fft: int, win_length: int, hop_length: int, framing: Framing = "centred"
) -> Tensor:
    """Compute the squared magnitude of the short-time Fourier transform.

    Parameters
    ----------
    samples_BN : float Tensor [shape=(batch, samples)]
        Samples, full scale 1.
    n_fft : int
        Length of the transform in samples.
    win_length : int
        Length of the Hann window in samples, at most `n_fft`.
    hop_length : int
        Samples from one frame to the next.
    framing : {"centred", "uncentred", "per_hop"}
        Where frames stand, see the module's text.

    Returns
    -------
    Tensor [shape=(batch, frames, n_fft // 2 + 1)]
        Power, in the type and on the device of the samples.

    Raises
    ------
    ValueError
        If uncentred frames are wanted of fewer than `n_fft` samples, or the clips have no sample.
    """
    n_frames = frame_count(samples_BN.shape[-1], n_fft=n_fft, hop_length=hop_length, framing=framing)
    if n_frames < 1:
        message = f"{samples_BN.shape[-1]} samples: expected at least {1 if framing != 'uncentred' else n_fft}."
        raise ValueError(message)
    if framing != "uncentred":
        samples_BN = torch.nn.functional.pad(samples_BN, (n_fft // 2, n_fft // 2))
    window = torch.hann_window(win_length, periodic=True, dtype=samples_BN.dtype, device=samples_BN.device)
    spectrum_BFT = torch.stft(
        samples_BN, n_fft, hop_length, win_length, window, center=False, onesided=True, return_complex=True
    )
    power_BFT = spectrum_BFT.real.square() + spectrum_BFT.imag.square()
    return power_BFT.transpose(1, 2)[:, :n_frames]


def frame_count(n_samples: int, *, n_fft: int, hop_length: int, framing: Framing) -> int:
    """Count the frames of a clip.

    Parameters
    ----------
    n_samples : int
        Length of the clip.
    n_fft : int
        Length of the transform in samples.
    hop_length : int
        Samples from one frame to the next.
    framing : {"centred", "uncentred", "per_hop"}
        Where frames stand.

    Returns
    -------
    int
        Number of frames, 0 where no frame fits.
    """
    if n_samples < 1 or (framing == "uncentred" and n_samples < n_fft):
        return 0
    if framing == "uncentred":
        return 1 + (n_samples - n_fft) // hop_length
    if framing == "centred":
        return 1 + (n_samples - n_fft % 2) // hop_length  # an odd transform leaves one sample unpadded
    return -(-n_samples // hop_length)


def fft_frequencies(sample_rate_hz: int, n_fft: int, *, device: torch.device | None = None) -> Tensor:
    """List the centre frequencies of the FFT bins.

    Parameters
    ----------
    sample_rate_hz : int
        Sample rate.
    n_fft : int
        Length of the transform in samples.
    device : torch.device, optional
        Where the result lies.

    Returns
    -------
    float64 Tensor [shape=(n_fft // 2 + 1,)]
        Frequencies in Hz, from 0.
    """
    return torch.arange(n_fft // 2 + 1, dtype=torch.float64, device=device) * (sample_rate_hz / n_fft)
