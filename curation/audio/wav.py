"""The one form in which clips are stored: WAV, 16 bit, mono, a header of 44 bytes and no metadata.

The same samples give the same bytes, so that checksums of a release mean something, and nothing that a
phone wrote into the recording (places, names, dates) gets into a clip.

References
----------
IBM and Microsoft, "Multimedia Programming Interface and Data Specifications 1.0", 1991, chapter 3.
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
FORMAT_BYTES = 16
PCM = 1
BITS = 16
SAMPLE_BYTES = BITS // 8


class WavError(ValueError):
    """Bytes that are no WAV of ours, or samples that do not fit into one."""


def wav_header(frames: int, sample_rate_hz: int) -> bytes:
    """Return the 44 bytes before the samples.

    Parameters
    ----------
    frames : int
        Number of samples.
    sample_rate_hz : int
        Rate in hertz.

    Returns
    -------
    bytes
        The header.

    Raises
    ------
    WavError
        If the file would not fit into RIFF's 32 bits.
    """
    data_bytes = frames * SAMPLE_BYTES
    riff_bytes = data_bytes + HEADER.size - 8
    if riff_bytes >= 1 << 32:
        message = f"{frames} samples do not fit into a WAV file of 4 GiB. Cut them into shorter segments."
        raise WavError(message)
    byte_rate = sample_rate_hz * SAMPLE_BYTES
    return HEADER.pack(
        *(b"RIFF", riff_bytes, b"WAVE", b"fmt ", FORMAT_BYTES, PCM, 1, sample_rate_hz, byte_rate),
        *(SAMPLE_BYTES, BITS, b"data", data_bytes),
    )


def encode_wav(samples: NDArray[np.int16], sample_rate_hz: int) -> bytes:
    """Return samples as a canonical WAV file.

    Parameters
    ----------
    samples : ndarray of int16 [shape=(n,)]
        Mono samples.
    sample_rate_hz : int
        Rate in hertz.

    Returns
    -------
    bytes
        The file.

    Raises
    ------
    WavError
        If the samples are not 16 bit mono, or too many.
    """
    if samples.ndim != 1 or samples.dtype != np.int16:
        message = f"shape {samples.shape} of {samples.dtype}: expected mono int16."
        raise WavError(message)
    return wav_header(len(samples), sample_rate_hz) + samples.astype("<i2", copy=False).tobytes()


def decode_wav(data: bytes) -> tuple[NDArray[np.int16], int]:
    """Read a WAV file that `encode_wav` made.

    Parameters
    ----------
    data : bytes
        The file.

    Returns
    -------
    samples : ndarray of int16 [shape=(n,)]
        Mono samples, sharing the memory of `data`.
    sample_rate_hz : int
        Rate in hertz.

    Raises
    ------
    WavError
        If the bytes are anything else.
    """
    if len(data) < HEADER.size:
        message = f"{len(data)} bytes: a stored clip has at least {HEADER.size}."
        raise WavError(message)
    frames, rate = (len(data) - HEADER.size) // SAMPLE_BYTES, int.from_bytes(data[24:28], "little")
    if data[: HEADER.size] != wav_header(frames, rate):
        raise WavError("No stored clip: its header is not the one this project writes.")
    return np.frombuffer(data, dtype="<i2", offset=HEADER.size).astype(np.int16, copy=False), rate
