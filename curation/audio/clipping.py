"""Where a recording was clipped, as the decoder's child counted it before it changed the samples.

A mean of channels and a resampler turn the flat tops of a clipped wave into something that no longer stands at the
rails, so that a converted recording would look unclipped. The child counts in the source; clips get their part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS_PER_S = 100


def bin_length(sample_rate_hz: int) -> int:
    """Return the source frames of a bin: 10 ms, rounded to whole frames."""
    return round(sample_rate_hz / BINS_PER_S)


def bin_count(frames: int, sample_rate_hz: int) -> int:
    """Return how many bins a recording has; the last may be shorter."""
    return -(-frames // bin_length(sample_rate_hz))


@dataclass(frozen=True, kw_only=True)
class ClippedFrames:
    """Clipped source frames by bins of time.

    Attributes
    ----------
    counts : ndarray of int16 [shape=(bins,)]
        Frames of each bin at which a channel stands at one end of its scale in a run of at least 3. It comes from
        a process that strangers' files may have captured, and is believed to lie anywhere.
    bin_frames : int
        Source frames of a bin; the last has what is left.
    frames : int
        Source frames of the recording.
    """

    counts: NDArray[np.int16]
    bin_frames: int
    frames: int

    def share(self, start: float, end: float) -> float:
        """Return the share of clipped frames in a stretch of the recording.

        Parameters
        ----------
        start, end : float
            Source frames, with fractions; what lies beyond the recording's end is left away.

        Returns
        -------
        float
            0 to 1. A bin that a boundary cuts counts in proportion.
        """
        end = min(end, self.frames)
        if end <= start:
            return 0.0
        first, last = int(start // self.bin_frames), int(-(-end // self.bin_frames))
        edges = np.minimum(np.arange(first, last + 1) * self.bin_frames, self.frames)
        clipped = np.clip(self.counts[first:last], 0, np.diff(edges))
        before = np.interp((start, end), edges, np.concatenate([[0], np.cumsum(clipped)]))
        return min(1.0, float(before[1] - before[0]) / (end - start))
