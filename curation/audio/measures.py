"""What a clip measures: loudness, true peak, clipped and silent share. Measuring never changes the audio.

Clips are mono and are measured as the one channel they are (ITU-R BS.1770-4, gain 1.0). A tone in one channel
measures 3.01 LU less than the same tone in both channels of a stereo pair: EBU Tech 3341's test signal, a
sine of 1 kHz at -23 dBFS in left and right, has -23.0 LUFS as stereo and -26.0 LUFS here. BS.1770 gives its
K-weighting for 48 kHz only; at other rates it is that of the same analogue filters, whose treble shelf bends as it
comes close to half the rate: at 8 kHz loudness reads up to 0.26 LU less than the analogue prototype's.

References
----------
ITU-R BS.1770-4, "Algorithms to measure audio programme loudness and true-peak audio level", 2015, annexes 1, 2;
EBU Tech 3341, "Loudness metering: 'EBU mode' metering", 2016, section 2.9;
Steinmetz and Reiss, "pyloudnorm: a simple yet flexible loudness meter in Python", AES 150, 2021.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

FULL_SCALE = 32_768
GATING_BLOCK_S = 0.4  # BS.1770-4, annex 1: shorter signals have no gated loudness
STEPS_PER_S, STEPS_PER_BLOCK = 10, 4  # blocks overlap by 75 %: one begins every 0.1 s
TRUE_PEAK_RATE_HZ = 192_000  # BS.1770-4, annex 2: 4 x 48 kHz; higher rates need less oversampling
TRUE_PEAK_FACTOR = 4
CLIPPED_RUN = 3  # samples; one or two at full scale are what a normalised, unclipped file has
SILENT_FRAME_S = 0.02
SILENT_DBFS = -60.0


@dataclass(frozen=True, kw_only=True)
class Measures:
    """Measurements of one clip.

    Loudness, true peak and silent share are measured in the clip's own samples. So is the clipped share where the
    recording passed bit for bit; where it was mixed down or resampled, which hides clipping, the share is that of the
    source in the clip's time (`curation.audio.clipping`): a frame counts if any channel is clipped there.

    Attributes
    ----------
    loudness_lufs : float or None
        Integrated gated loudness; None if the clip is shorter than 0.4 s or nothing passes the gate.
    true_peak_dbtp : float or None
        Largest magnitude between samples too, in dB relative to full scale; None for digital silence.
    clipped_share : float
        Share, 0 to 1, of samples of ±32,767/32,768 of full scale or more in runs of at least 3 at one end.
    silent_share : float
        Share of frames of 20 ms, 0 to 1, whose RMS is below -60 dB of full scale (a square wave has 0 dB).
    """

    loudness_lufs: float | None
    true_peak_dbtp: float | None
    clipped_share: float
    silent_share: float


def measure(samples: NDArray[np.int16], sample_rate_hz: int, *, clipped: float | None = None) -> Measures:
    """Measure a clip.

    Parameters
    ----------
    samples : ndarray of int16 [shape=(n,)]
        Mono samples, at least one.
    sample_rate_hz : int
        Rate in hertz.
    clipped : float, optional
        Clipped share of the source, 0 to 1; measured in the samples where left out.

    Returns
    -------
    Measures
        The measurements.

    Raises
    ------
    ValueError
        If there are no samples, or they are not 16 bit mono.
    """
    if samples.ndim != 1 or samples.dtype != np.int16 or not len(samples):
        message = f"shape {samples.shape} of {samples.dtype}: expected mono int16 with at least one sample."
        raise ValueError(message)
    return Measures(
        loudness_lufs=loudness_lufs(samples, sample_rate_hz),
        true_peak_dbtp=true_peak_dbtp(samples, sample_rate_hz),
        clipped_share=clipped_share(samples) if clipped is None else clipped,
        silent_share=silent_share(samples, sample_rate_hz),
    )


@lru_cache(maxsize=8)
def _meter(sample_rate_hz: int) -> Any:
    import pyloudnorm  # noqa: PLC0415 -- its filters take half of a command's start, and few commands measure

    return pyloudnorm.Meter(sample_rate_hz, block_size=GATING_BLOCK_S)


def loudness_lufs(samples: NDArray[np.int16], sample_rate_hz: int) -> float | None:
    """Return the integrated gated loudness in LUFS (BS.1770-4, annex 1), or None where there is none.

    What follows the last whole gating block is not used, as annex 1 has it; pyloudnorm alone would round up to
    another block that runs past the end.
    """
    samples = samples[: _gated_length(len(samples), sample_rate_hz)]
    if not samples.any():
        return None
    loudness = float(_meter(sample_rate_hz).integrated_loudness(samples / FULL_SCALE))
    return loudness if math.isfinite(loudness) else None


def _gated_length(frames: int, sample_rate_hz: int) -> int:
    """Return the end of the last whole gating block, in samples, rounded up; 0 where there is none.

    Blocks end at 0.4 s + k x 0.1 s, which is no whole number of samples at rates such as 11,025 Hz. Rounded up,
    the length holds the block to its last sample and still counts, in pyloudnorm's seconds, as k + 1 blocks.
    """
    steps = frames * STEPS_PER_S // sample_rate_hz  # whole steps of 0.1 s
    return -(-steps * sample_rate_hz // STEPS_PER_S) if steps >= STEPS_PER_BLOCK else 0


def true_peak_dbtp(samples: NDArray[np.int16], sample_rate_hz: int) -> float | None:
    """Return the true peak in dB relative to full scale (BS.1770-4, annex 2), or None for digital silence.

    The signal is oversampled by soxr HQ, four times below 64 kHz, three times below 96 kHz, twice below 192 kHz;
    the samples themselves count too, so that the true peak is never below the sample peak.
    """
    factor = min(TRUE_PEAK_FACTOR, math.ceil(TRUE_PEAK_RATE_HZ / sample_rate_hz))
    signal = samples.astype(np.float32)
    peak = float(max(signal.max(), -signal.min()))
    if factor > 1:
        oversampled = soxr.resample(signal, 1, factor, quality="HQ")
        peak = max(peak, float(oversampled.max(initial=0)), float(-oversampled.min(initial=0)))
    return 20 * math.log10(peak / FULL_SCALE) if peak else None


def clipped_share(samples: NDArray[np.int16]) -> float:
    """Return the share of samples that stand at one end of the scale in runs of at least `CLIPPED_RUN`.

    -32,767 counts as the lower end too: many limiters and encoders clip symmetrically.
    """
    clipped = 0
    for at_end in (samples == FULL_SCALE - 1, samples <= 1 - FULL_SCALE):
        if np.count_nonzero(at_end) >= CLIPPED_RUN:
            edges = np.flatnonzero(np.diff(at_end, prepend=False, append=False))
            runs = edges[1::2] - edges[::2]
            clipped += int(runs[runs >= CLIPPED_RUN].sum())
    return clipped / len(samples)


def silent_share(samples: NDArray[np.int16], sample_rate_hz: int) -> float:
    """Return the share of frames of `SILENT_FRAME_S` whose RMS lies below `SILENT_DBFS`; the last may be shorter."""
    frame = max(1, round(SILENT_FRAME_S * sample_rate_hz))
    starts = np.arange(0, len(samples), frame)
    energy = np.add.reduceat(np.square(samples, dtype=np.int64), starts)
    lengths = np.diff(starts, append=len(samples))
    threshold = FULL_SCALE**2 * 10 ** (SILENT_DBFS / 10)
    return float(np.mean(energy < threshold * lengths))
