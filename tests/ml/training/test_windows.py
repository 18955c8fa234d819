from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ml.training.windows import WindowConfig, plan_windows, random_begins


def planned(lengths: list[int], config: WindowConfig) -> list[tuple[int, int, int]]:
    windows = plan_windows(torch.tensor(lengths), config, generator=torch.Generator().manual_seed(0))
    return list(zip(*(column.tolist() for column in windows), strict=True))


def test_sliding_windows_end_with_the_clip() -> None:
    # 10 frames, windows of 4 at hop 3: 0, 3, 6 end with it; 11 frames leave one over, so the last begins at 7.
    config = WindowConfig(kind="sliding", frames=4, hop=3)

    assert planned([10], config) == [(0, 0, 4), (0, 3, 4), (0, 6, 4)]
    assert planned([11], config) == [(0, 0, 4), (0, 3, 4), (0, 6, 4), (0, 7, 4)]


def test_clips_up_to_the_window_give_one_window() -> None:
    assert planned([1, 4], WindowConfig(kind="sliding", frames=4, hop=1)) == [(0, 0, 4), (1, 0, 4)]


def test_without_a_hop_windows_stand_side_by_side() -> None:
    assert planned([9], WindowConfig(kind="sliding", frames=4)) == [(0, 0, 4), (0, 4, 4), (0, 5, 4)]


@given(lengths=st.lists(st.integers(1, 60), min_size=1, max_size=6), frames=st.integers(1, 20), hop=st.integers(1, 9))
def test_sliding_windows_cover_every_clip_and_stay_in_it(lengths: list[int], frames: int, hop: int) -> None:
    rows = planned(lengths, WindowConfig(kind="sliding", frames=frames, hop=hop))

    for clip, length in enumerate(lengths):
        begins = [begin for number, begin, _ in rows if number == clip]
        assert begins == sorted(set(begins))
        assert begins[0] == 0
        assert begins[-1] == max(length - frames, 0)
        assert all(after - before <= hop for before, after in pairwise(begins))


def test_random_windows_begin_anywhere_the_window_fits() -> None:
    rows = planned([10, 4, 2], WindowConfig(kind="random", frames=4, count=200))

    assert [clip for clip, _, _ in rows] == [0] * 200 + [1] * 200 + [2] * 200
    assert {begin for clip, begin, _ in rows if clip == 0} == set(range(7))
    assert {begin for clip, begin, _ in rows if clip != 0} == {0}


def test_random_windows_of_a_repeated_clip_begin_in_its_repetitions_too() -> None:
    rows = planned([3], WindowConfig(kind="random", frames=4, count=300, clip_frames=12))

    assert {begin for _, begin, _ in rows} == set(range(9))


def test_whole_clips_are_padded_to_the_granule_and_the_least_length() -> None:
    config = WindowConfig(kind="whole", frames=40, granule=32)

    assert planned([10, 64, 65, 96], config) == [(0, 0, 64), (1, 0, 64), (2, 0, 96), (3, 0, 96)]


def test_whole_clips_of_a_given_length_all_have_it() -> None:
    config = WindowConfig(kind="whole", frames=384, clip_frames=3000)

    assert [frames for _, _, frames in planned([100, 3000, 9000], config)] == [3000, 3000, 3000]


def test_random_begins_never_pass_the_room() -> None:
    room_B = torch.tensor([2**40, 0, 1]).repeat(2000)

    begin_B = random_begins(room_B, generator=torch.Generator().manual_seed(1))

    assert bool((begin_B >= 0).all())
    assert bool((begin_B <= room_B).all())
    assert int(begin_B[0::3].max()) > 2**39


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("kind", "half", "expected one of whole, sliding, random"),
        ("reduction", "median", "expected one of mean, geometric"),
        ("frames", 0, "expected at least 1"),
        ("hop", 0, "expected at least 1"),
        ("count", 0, "expected at least 1"),
        ("granule", 0, "expected at least 1"),
        ("clip_frames", 100, "expected at least 128"),
    ],
)
def test_fields_out_of_range_are_refused(field: str, value: object, expected: str) -> None:
    with pytest.raises(ValueError, match=f"{field} = {value!r}: {expected}"):
        WindowConfig(**{field: value})  # type: ignore[arg-type]  # wrong on purpose
