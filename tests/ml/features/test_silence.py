from __future__ import annotations

from collections.abc import Callable

import librosa
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ml.features.silence import drop_quiet_frames, peak_normalise, quiet_frames, trim_bounds

MakeClip = Callable[..., NDArray[np.float64]]


@pytest.mark.parametrize("n_samples", [1, 100, 2047, 2048, 5000, 40_001])
@pytest.mark.parametrize("top_db", [20.0, 60.0, 120.0])
def test_trimming_is_librosas(make_clip: MakeClip, n_samples: int, top_db: float) -> None:
    clip = make_clip(n_samples, silence=0.4)
    _, expected = librosa.effects.trim(clip, top_db=top_db)
    assert trim_bounds(torch.tensor(clip), top_db=top_db) == tuple(expected)


@settings(max_examples=40, deadline=None)
@given(
    lead=st.integers(0, 9000), sound=st.integers(1, 9000), tail=st.integers(0, 9000), level=st.sampled_from([1e-4, 0.5])
)
def test_trimming_finds_any_sound_as_librosa_does(lead: int, sound: int, tail: int, level: float) -> None:
    clip = np.zeros(lead + sound + tail, dtype=np.float32)
    clip[lead : lead + sound] = level * np.random.default_rng(sound).standard_normal(sound)
    _, expected = librosa.effects.trim(clip, top_db=60, frame_length=1024, hop_length=256)
    assert trim_bounds(torch.tensor(clip), top_db=60.0, frame_length=1024, hop_length=256) == tuple(expected)


def test_digital_silence_is_left_whole() -> None:
    assert trim_bounds(torch.zeros(5000), top_db=60.0) == (0, 5000)


def test_the_largest_sample_gets_the_level() -> None:
    # -6.0206 dB is half of full scale
    levelled = peak_normalise(torch.tensor([0.1, -0.2, 0.05]), peak_dbfs=20 * np.log10(0.5))
    assert levelled.tolist() == pytest.approx([0.25, -0.5, 0.125])
    assert peak_normalise(torch.zeros(3), peak_dbfs=-0.1).tolist() == [0.0, 0.0, 0.0]


def test_frames_below_the_tenth_percentile_go_and_the_others_keep_their_order() -> None:
    # Energies of 11 frames: numpy's 10th percentile is the second smallest, so that only the smallest is below.
    energy = torch.tensor([5.0, 3.0, 9.0, 1.0, 2.0, 8.0, 7.0, 6.0, 4.0, 11.0, 10.0])
    kept = drop_quiet_frames(energy[None, :, None], percent=10.0)
    assert kept[0, :, 0].tolist() == [5.0, 3.0, 9.0, 2.0, 8.0, 7.0, 6.0, 4.0, 11.0, 10.0]


@settings(max_examples=40, deadline=None)
@given(frames=st.integers(1, 120), percent=st.integers(1, 99))
def test_as_many_frames_go_as_are_below_numpys_percentile(frames: int, percent: float) -> None:
    energy = np.random.default_rng(frames).permutation(frames).astype(float)
    kept = drop_quiet_frames(torch.tensor(energy)[None, :, None], percent=percent)
    # Whole ranks are compared, as a percentile that falls on one may be off by a rounding.
    rank = np.ceil(np.round(np.percentile(np.arange(frames), percent), 9))
    assert quiet_frames(frames, percent) == rank
    np.testing.assert_array_equal(kept[0, :, 0].numpy(), energy[energy >= rank])


def test_clips_of_a_batch_lose_frames_of_their_own() -> None:
    power = torch.tensor([[[1.0], [2.0], [3.0]], [[3.0], [2.0], [1.0]]])
    assert drop_quiet_frames(power, percent=50.0).squeeze(-1).tolist() == [[2.0, 3.0], [3.0, 2.0]]
