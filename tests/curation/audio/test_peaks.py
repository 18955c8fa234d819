from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from curation.audio.peaks import peaks


@given(arrays(np.int16, st.integers(1, 500)), st.integers(1, 60))
def test_stretches_hold_the_recordings_extremes_in_order(samples: np.ndarray, count: int) -> None:
    outline = peaks(samples, count)
    assert outline.shape == (count, 2)
    assert outline.dtype == np.int8
    assert (outline[:, 0] <= outline[:, 1]).all()
    if count <= len(samples):
        assert outline[:, 0].min() == min(127, (int(samples.min()) + 128) >> 8)
        assert outline[:, 1].max() == min(127, (int(samples.max()) + 128) >> 8)


def test_silence_is_zero_and_full_scale_is_full_scale() -> None:
    assert not peaks(np.zeros(5_000, np.int16)).any()
    assert peaks(np.array([-32_768, 32_767], np.int16), 1).tolist() == [[-128, 127]]


def test_no_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="No samples"):
        peaks(np.zeros(0, np.int16))
