"""FLAC for listeners: lossless, half the size of WAV, played by every browser.

The encoder gets samples, never a file that came from outside, and writes no metadata but its own name.
"""

from __future__ import annotations

import io

import numpy as np
import soundfile
from numpy.typing import NDArray


def encode_flac(samples: NDArray[np.int16], sample_rate_hz: int) -> bytes:
    """Return samples as a FLAC file.

    Parameters
    ----------
    samples : ndarray of int16 [shape=(n,)]
        Mono samples.
    sample_rate_hz : int
        Rate in hertz. Above 65,535 Hz FLAC knows multiples of 10 only (RFC 9639, 9.1.2).

    Returns
    -------
    bytes
        The file; decoding it gives the same samples.

    Raises
    ------
    ValueError
        If the samples are not 16 bit mono, or FLAC does not know the rate.
    """
    if samples.ndim != 1 or samples.dtype != np.int16:
        message = f"shape {samples.shape} of {samples.dtype}: expected mono int16."
        raise ValueError(message)
    file = io.BytesIO()
    try:
        soundfile.write(file, samples, sample_rate_hz, format="FLAC", subtype="PCM_16")
    except soundfile.LibsndfileError as error:
        message = f"FLAC at {sample_rate_hz} Hz: {error.error_string}"
        raise ValueError(message) from error
    return file.getvalue()
