from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.domain.level import matching_gain_db


@pytest.mark.parametrize(
    ("loudness", "peak", "gain"),
    [
        (-33.0, -20.0, 10.0),  # room for all of it
        (-33.0, -6.0, 5.0),  # stopped by the peak
        (-13.0, -0.1, -10.0),  # loud: down
        (-33.0, 0.5, 0.0),  # peaks above the ceiling already
        (-23.0, -3.0, 0.0),
    ],
)
def test_clips_move_towards_minus_23_lufs(loudness: float, peak: float, gain: float) -> None:
    assert matching_gain_db(loudness, peak) == pytest.approx(gain)


@pytest.mark.parametrize(("loudness", "peak"), [(None, -3.0), (-23.0, None), (None, None)])
def test_what_was_not_measured_is_played_as_it_is(loudness: float | None, peak: float | None) -> None:
    assert matching_gain_db(loudness, peak) == 0.0


@given(loudness=st.floats(-70, 5), peak=st.floats(-80, 6))
def test_no_gain_overshoots_the_target_or_lifts_a_peak_above_the_ceiling(loudness: float, peak: float) -> None:
    gain = matching_gain_db(loudness, peak)
    assert loudness + gain <= max(loudness, -23.0) + 1e-9
    assert gain <= 0 or peak + gain <= -1.0 + 1e-9
