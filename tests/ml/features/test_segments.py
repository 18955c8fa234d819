from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.features.segments import SilenceSplit, is_transient, sounding_segments

RATE = 1000
SPLIT = SilenceSplit()


def _clip(*parts: tuple[float, int]) -> torch.Tensor:
    """Join constant levels of so many milliseconds, which are samples at 1 kHz."""
    return torch.cat([torch.full((length,), level) for level, length in parts])


def test_a_long_silence_separates_two_segments_that_keep_some_of_it() -> None:
    clip = _clip((0.0, 1000), (0.5, 600), (0.0, 2000), (0.5, 700), (0.0, 1000))
    # Sound from 1.0 to 1.6 s and from 3.6 to 4.3 s, with 400 ms to either side.
    assert sounding_segments(clip, sample_rate_hz=RATE, split=SPLIT) == [(600, 2000), (3200, 4700)]


def test_segments_meet_in_the_middle_of_a_silence_that_both_would_keep() -> None:
    clip = _clip((0.5, 600), (0.0, 500), (0.5, 600))
    assert sounding_segments(clip, sample_rate_hz=RATE, split=SPLIT) == [(0, 850), (850, 1700)]


def test_a_silence_below_half_a_second_separates_nothing() -> None:
    clip = _clip((0.5, 600), (0.0, 490), (0.5, 600))
    assert sounding_segments(clip, sample_rate_hz=RATE, split=SPLIT) == [(0, 1690)]


def test_a_clip_without_sound_stays_whole() -> None:
    assert sounding_segments(torch.zeros(1234), sample_rate_hz=RATE, split=SPLIT) == [(0, 1234)]
    assert sounding_segments(torch.zeros(1), sample_rate_hz=RATE, split=SPLIT) == [(0, 1)]


def test_the_soft_decay_of_transients_is_kept() -> None:
    # The tail has -52 dB: silent in a clip that sounds for long, sounding in a clip of transients.
    tail = 10.0 ** (-52 / 20)
    steady = _clip((0.5, 600), (tail, 600), (0.0, 1000))
    knock = _clip((0.5, 100), (tail, 600), (0.0, 1000))
    assert sounding_segments(steady, sample_rate_hz=RATE, split=SPLIT) == [(0, 1000)]
    assert sounding_segments(knock, sample_rate_hz=RATE, split=SPLIT) == [(0, 1100)]


def test_a_transient_is_shorter_than_half_a_second() -> None:
    for length, transient in ((400, True), (600, False)):
        clip = _clip((0.0, 300), (0.5, length), (0.001, 300), (0.5, length), (0.0, 300))
        assert is_transient(clip, sample_rate_hz=RATE, split=SPLIT) is transient


@settings(max_examples=50, deadline=None)
@given(parts=st.lists(st.tuples(st.sampled_from([0.0, 0.001, 0.3]), st.integers(1, 1500)), min_size=1, max_size=8))
def test_segments_are_in_order_and_have_all_that_sounds(parts: list[tuple[float, int]]) -> None:
    clip = _clip(*parts)
    bounds = sounding_segments(clip, sample_rate_hz=RATE, split=SPLIT)
    edges = [edge for bound in bounds for edge in bound]
    assert edges == sorted(edges)
    assert 0 <= edges[0] < edges[-1] <= len(clip)
    kept = torch.zeros(len(clip), dtype=torch.bool)
    for first, end in bounds:
        assert first < end
        kept[first:end] = True
    assert bool(kept[clip > 0.1].all())


@pytest.mark.parametrize(
    ("field", "value"), [("threshold_dbfs", 1.0), ("least_silence_s", 0.0), ("kept_silence_s", -0.1), ("frame_s", 0.0)]
)
def test_impossible_settings_are_refused(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{field} = {value}"):
        SilenceSplit(**{field: value})
