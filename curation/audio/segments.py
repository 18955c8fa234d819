"""Cutting a recording into segments of one length, the remainder discarded.

References
----------
Jeong and Park, "CochlScene: Acquisition of acoustic scene data using crowdsourcing", 2022, section II.D.
"""

from __future__ import annotations


def segment_bounds(frames: int, segment_frames: int) -> list[tuple[int, int]]:
    """Return where each whole segment starts and ends.

    Parameters
    ----------
    frames : int
        Length of the recording in samples, at least 0.
    segment_frames : int
        Length of a segment in samples, at least 1.

    Returns
    -------
    list of (int, int)
        Start (inclusive) and end (exclusive) of each segment, in samples; segments touch and begin at 0.

    Raises
    ------
    ValueError
        If a length is out of range.
    """
    if frames < 0 or segment_frames < 1:
        message = f"frames={frames}, segment_frames={segment_frames}: must be at least 0 and at least 1."
        raise ValueError(message)
    starts = range(0, frames - segment_frames + 1, segment_frames)
    return [(start, start + segment_frames) for start in starts]
