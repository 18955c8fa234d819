from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ml.features.windows import minimum_pad, random_windows, repeat_pad, sliding_windows, window_starts, zero_pad

Pad = Callable[[torch.Tensor, int], torch.Tensor]
PADS = (repeat_pad, zero_pad, minimum_pad)


def _numbered(frames: int) -> torch.Tensor:
    """Two channels and three bands whose values name the frame."""
    return torch.arange(1.0, frames + 1)[None, :, None].expand(2, -1, 3)


def _frames(x_CTM: torch.Tensor) -> list[float]:
    return x_CTM[0, :, 0].tolist()


def test_a_short_clip_is_repeated_from_its_beginning() -> None:
    assert _frames(repeat_pad(_numbered(3), 7)) == [1, 2, 3, 1, 2, 3, 1]


def test_zeros_are_added_at_the_end() -> None:
    assert _frames(zero_pad(_numbered(3), 5)) == [1, 2, 3, 0, 0]


def test_the_minimum_is_that_of_the_clip() -> None:
    assert _frames(minimum_pad(_numbered(3) - 5.0, 5)) == [-4, -3, -2, -4, -4]


@given(frames=st.integers(1, 40), wanted=st.integers(1, 60), pad=st.sampled_from(PADS))
def test_padding_gives_at_least_the_length_and_keeps_the_clip(frames: int, wanted: int, pad: Pad) -> None:
    clip = _numbered(frames)
    padded = pad(clip, wanted)
    assert padded.shape == (2, max(frames, wanted), 3)
    assert torch.equal(padded[:, :frames], clip)


def test_the_last_window_is_aligned_to_the_end() -> None:
    assert window_starts(10, n_frames=4, hop=4) == [0, 4, 6]
    assert window_starts(12, n_frames=4, hop=4) == [0, 4, 8]
    assert window_starts(4, n_frames=4, hop=8) == [0]
    windows = sliding_windows(_numbered(10), n_frames=4, hop=4)
    assert [_frames(window) for window in windows] == [[1, 2, 3, 4], [5, 6, 7, 8], [7, 8, 9, 10]]


@given(length=st.integers(1, 200), n_frames=st.integers(1, 50), hop=st.integers(1, 50))
def test_sliding_windows_have_every_frame(length: int, n_frames: int, hop: int) -> None:
    hop, n_frames = min(hop, n_frames, length), min(n_frames, length)
    starts = window_starts(length, n_frames=n_frames, hop=hop)
    windows = sliding_windows(_numbered(length), n_frames=n_frames, hop=hop)
    assert windows.shape == (len(starts), 2, n_frames, 3)
    assert starts[0] == 0
    assert starts[-1] == length - n_frames
    assert all(0 < later - earlier <= hop for earlier, later in pairwise(starts))
    assert set(windows[:, 0, :, 0].flatten().tolist()) == set(range(1, length + 1))


@given(length=st.integers(1, 60), n_frames=st.integers(1, 60), seed=st.integers(0, 9))
def test_random_windows_are_excerpts_and_repeat_with_the_seed(length: int, n_frames: int, seed: int) -> None:
    n_frames = min(n_frames, length)
    draws = [
        random_windows(_numbered(length), n_frames=n_frames, n_windows=5, generator=torch.Generator().manual_seed(seed))
        for _ in range(2)
    ]
    assert torch.equal(*draws)
    assert draws[0].shape == (5, 2, n_frames, 3)
    for window in draws[0]:
        first = int(window[0, 0, 0])
        assert _frames(window) == list(range(first, first + n_frames))
        assert first + n_frames - 1 <= length


def test_the_last_start_is_drawn_too() -> None:
    generator = torch.Generator().manual_seed(0)
    windows = random_windows(_numbered(5), n_frames=3, n_windows=100, generator=generator)
    assert set(windows[:, 0, 0, 0].tolist()) == {1.0, 2.0, 3.0}


def test_a_clip_as_long_as_the_window_has_one_window() -> None:
    window = random_windows(_numbered(4), n_frames=4, n_windows=1, generator=torch.Generator())
    assert torch.equal(window[0], _numbered(4))


def test_windows_longer_than_the_clip_are_refused() -> None:
    with pytest.raises(ValueError, match="n_frames = 5: expected 1 to the clip's 4 frames"):
        sliding_windows(_numbered(4), n_frames=5, hop=1)
    with pytest.raises(ValueError, match="n_frames = 5"):
        random_windows(_numbered(4), n_frames=5, n_windows=1, generator=torch.Generator())
    with pytest.raises(ValueError, match="hop = 0"):
        window_starts(4, n_frames=2, hop=0)
