"""The outline of a waveform: lowest and highest sample of each of a thousand equal stretches."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def peaks(samples: NDArray[np.int16], count: int = 1000) -> NDArray[np.int8]:
    """Return the extremes of equal stretches of a recording.

    Parameters
    ----------
    samples : ndarray of int16 [shape=(n,)]
        Mono samples, at least one.
    count : int
        Number of stretches; where there are fewer samples, neighbours share one.

    Returns
    -------
    ndarray of int8 [shape=(count, 2)]
        Lowest and highest sample of each stretch, rounded to 8 bits.

    Raises
    ------
    ValueError
        If there are no samples.
    """
    if not len(samples):
        raise ValueError("No samples: a waveform needs at least one.")
    starts = np.arange(count, dtype=np.int64) * len(samples) // count
    extremes = np.stack([np.minimum.reduceat(samples, starts), np.maximum.reduceat(samples, starts)], axis=1)
    rounded: NDArray[np.int8] = np.clip((extremes.astype(np.int32) + 128) >> 8, -128, 127).astype(np.int8)
    return rounded
