"""Cut a clip into its sounding parts, each a separate input.

"Long sequences of silence are not characteristic of the sounds themselves": Iqbal and Wang threshold the root mean
square of each frame; a segment is the span of sounding frames that are close to each other, with some of the silence
around it, "to prevent over-cropping". The paper gives no numbers. Those here are of the authors' published settings:
-48 dB below full scale, -56 dB for clips that consist of transients only, gaps of at least 500 ms, 400 ms kept.

Ours: frames of 10 ms; a clip consists of transients if its envelope (mean magnitude over 20 ms) never stays within
30 dB of its maximum for half a second; where two segments would both keep the same silence, they meet in its middle, so
that no sample stands in two segments; a clip without any sounding frame stays whole.

References
----------
.. [1] T. Iqbal, Q. Kong, M. D. Plumbley and W. Wang, "General-purpose audio tagging from noisy labels using
   convolutional neural networks", DCASE 2018, section 3.1 and figure 1.

Shapes: N sample, T frame.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class SilenceSplit:
    """What counts as silence between two segments.

    Attributes
    ----------
    threshold_dbfs : float
        Frames of a lower root mean square are silent, in dB below full scale.
    transient_threshold_dbfs : float
        The same for clips of transients only, whose decay is soft.
    least_silence_s : float
        Shortest silence that separates two segments.
    kept_silence_s : float
        Most silence that a segment keeps on either side.
    frame_s : float
        Length of a frame.
    transient_range_db : float
        How far below its maximum the envelope of a transient ends.
    transient_s : float
        A clip whose envelope stays within that range for so long is not of transients only.
    """

    threshold_dbfs: float = -48.0
    transient_threshold_dbfs: float = -56.0
    least_silence_s: float = 0.5
    kept_silence_s: float = 0.4
    frame_s: float = 0.01
    transient_range_db: float = 30.0
    transient_s: float = 0.5

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises
        ------
        ValueError
            If a duration or range is not positive, or a threshold is above full scale.
        """
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name.endswith("_dbfs"):
                if value > 0:
                    message = f"{field.name} = {value}: expected at most 0 dB of full scale."
                    raise ValueError(message)
            elif value < 0 or (value == 0 and field.name != "kept_silence_s"):
                message = f"{field.name} = {value}: expected a positive number."
                raise ValueError(message)


def sounding_segments(samples_N: Tensor, *, sample_rate_hz: int, split: SilenceSplit) -> list[tuple[int, int]]:
    """Find the sounding parts of a clip.

    Parameters
    ----------
    samples_N : float Tensor [shape=(samples,)]
        Samples, full scale 1.
    sample_rate_hz : int
        Sample rate.
    split : SilenceSplit
        What counts as silence.

    Returns
    -------
    list of tuple of int
        First sample of each segment and the one after its last, in order, at least one segment.

    References
    ----------
    Iqbal et al., section 3.1.
    """
    frame = max(1, round(split.frame_s * sample_rate_hz))
    power_T = _frame_means(samples_N.square(), frame)
    threshold_db = split.threshold_dbfs
    if is_transient(samples_N, sample_rate_hz=sample_rate_hz, split=split):
        threshold_db = split.transient_threshold_dbfs
    sounding = torch.nonzero(power_T > 10.0 ** (threshold_db / 10.0))[:, 0].tolist()
    if not sounding:
        return [(0, len(samples_N))]
    spans = _close_spans(sounding, least_gap=max(1, round(split.least_silence_s / split.frame_s)))
    kept = round(split.kept_silence_s * sample_rate_hz)
    bounds = [(first * frame, min((last + 1) * frame, len(samples_N))) for first, last in spans]
    return _widened(bounds, kept, len(samples_N))


def is_transient(samples_N: Tensor, *, sample_rate_hz: int, split: SilenceSplit) -> bool:
    """Tell whether a clip consists of short sounds only, such as knocks.

    Parameters
    ----------
    samples_N : float Tensor [shape=(samples,)]
        Samples.
    sample_rate_hz : int
        Sample rate.
    split : SilenceSplit
        Range and duration of a transient.

    Returns
    -------
    bool
        Whether the envelope is nowhere within the range of its maximum for the duration of a transient.
    """
    frame = max(1, round(split.frame_s * sample_rate_hz))
    magnitude_T = _frame_means(samples_N.abs(), frame)
    envelope_T = (magnitude_T[:-1] + magnitude_T[1:]) / 2.0 if len(magnitude_T) > 1 else magnitude_T
    loud = torch.nonzero(envelope_T > envelope_T.max() * 10.0 ** (-split.transient_range_db / 20.0))[:, 0].tolist()
    longest = max((last - first + 1 for first, last in _close_spans(loud, least_gap=1)), default=0)
    return longest * split.frame_s < split.transient_s


def _frame_means(x_N: Tensor, frame: int) -> Tensor:
    """Return the mean of each frame, the last one's over the samples that it has."""
    short = -len(x_N) % frame
    sums_T = torch.nn.functional.pad(x_N.double(), (0, short)).reshape(-1, frame).sum(dim=1)
    counts_T = torch.full_like(sums_T, frame)
    counts_T[-1] = frame - short
    return sums_T / counts_T


def _close_spans(frames: list[int], *, least_gap: int) -> list[tuple[int, int]]:
    """Join frames with fewer than `least_gap` frames between them into spans of (first, last)."""
    spans: list[tuple[int, int]] = []
    for place in frames:
        if spans and place - spans[-1][1] - 1 < least_gap:
            spans[-1] = (spans[-1][0], place)
        else:
            spans.append((place, place))
    return spans


def _widened(bounds: list[tuple[int, int]], kept: int, n_samples: int) -> list[tuple[int, int]]:
    widened = []
    for place, (first, end) in enumerate(bounds):
        floor = (bounds[place - 1][1] + first) // 2 if place else 0
        ceiling = (end + bounds[place + 1][0]) // 2 if place + 1 < len(bounds) else n_samples
        widened.append((max(first - kept, floor), min(end + kept, ceiling)))
    return widened
