from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.audio.segments import segment_bounds


@given(st.integers(0, 5_000), st.integers(1, 700))
def test_segments_joined_are_the_head_of_the_recording(frames: int, segment_frames: int) -> None:
    samples = np.arange(frames)
    bounds = segment_bounds(frames, segment_frames)
    kept = np.concatenate([samples[start:end] for start, end in bounds] or [samples[:0]])
    assert np.array_equal(kept, samples[: len(kept)])
    assert all(end - start == segment_frames for start, end in bounds)
    assert frames - len(kept) < segment_frames


def test_a_minute_gives_six_segments_and_a_sample_less_five() -> None:
    assert len(segment_bounds(60 * 44_100, 441_000)) == 6
    assert len(segment_bounds(60 * 44_100 - 1, 441_000)) == 5


@pytest.mark.parametrize(("frames", "segment_frames"), [(-1, 10), (10, 0), (10, -5)])
def test_impossible_lengths_are_refused(frames: int, segment_frames: int) -> None:
    with pytest.raises(ValueError, match="must be at least"):
        segment_bounds(frames, segment_frames)
