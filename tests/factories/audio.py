"""Synthesised recordings, whole and broken. Nothing here is read from a file."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray


def noise(frames: int, channels: int = 1, *, seed: int = 0, level: float = 0.1) -> NDArray[np.int16]:
    """Return Gaussian noise of shape (frames,) or (frames, channels)."""
    shape = frames if channels == 1 else (frames, channels)
    values = np.random.default_rng(seed).standard_normal(shape) * level * 32_768
    return np.clip(np.rint(values), -32_768, 32_767).astype(np.int16)


def tone(
    frequency_hz: float, duration_s: float, *, rate_hz: int = 44_100, peak_dbfs: float = -23.0, phase: float = 0.0
) -> NDArray[np.int16]:
    """Return a sine whose peak has the given level."""
    time = np.arange(round(duration_s * rate_hz)) / rate_hz
    amplitude = 32_767 * 10 ** (peak_dbfs / 20)
    return np.rint(amplitude * np.sin(2 * np.pi * frequency_hz * time + phase)).astype(np.int16)


def write_audio(path: Path, samples: NDArray[np.generic], rate_hz: int = 44_100, **options: str) -> Path:
    """Write a file with soundfile; its suffix says the container unless `options` do."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".opus":
        options = {"format": "OGG", "subtype": "OPUS", **options}
    soundfile.write(path, samples, rate_hz, **options)
    return path


def wav_bytes(
    data: bytes = b"\0\0" * 8_000,
    *,
    tag: int = 1,
    channels: int = 1,
    rate_hz: int = 8_000,
    bits: int = 16,
    data_size: int | None = None,
    block_align: int | None = None,
) -> bytes:
    """Return a WAV file that may declare anything."""
    align = channels * bits // 8 if block_align is None else block_align
    fmt = struct.pack(
        "<4sIHHIIHH", b"fmt ", 16, tag, channels, rate_hz, rate_hz * align & 0xFFFFFFFF, align & 0xFFFF, bits
    )
    body = b"WAVE" + fmt + struct.pack("<4sI", b"data", len(data) if data_size is None else data_size) + data
    return struct.pack("<4sI", b"RIFF", len(body)) + body


def flac_claiming(whole: bytes, frames: int) -> bytes:
    """Return a FLAC file whose header declares another number of samples (36 bits, RFC 9639, 8.2)."""
    packed = int.from_bytes(whole[18:26]) >> 36 << 36 | frames
    return whole[:18] + packed.to_bytes(8) + whole[26:]
