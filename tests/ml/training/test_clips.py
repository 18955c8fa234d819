from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ml.training.clips import ClipFeatures
from ml.training.frame_file import write_frames


def counted(lengths: list[int], *, bands: int = 2, channels: int = 1) -> list[np.ndarray]:
    """Number all cells of all clips, so that every one is told from any other."""
    cells = np.arange(sum(lengths) * bands * channels, dtype=np.float32)
    ends = np.cumsum(lengths)[:-1] * bands * channels
    return [part.reshape(channels, -1, bands) for part in np.split(cells, ends)]


def joined(lengths: list[int], **more: int) -> ClipFeatures:
    return ClipFeatures.join(counted(lengths, **more), label_N=np.zeros(len(lengths)), n_classes=1)


@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=5),
    frames=st.integers(1, 12),
    channels=st.integers(1, 3),
    limit=st.none() | st.integers(1, 12),
    data=st.data(),
)
def test_excerpts_are_those_of_a_loop_over_clips(
    lengths: list[int], frames: int, channels: int, limit: int | None, data: st.DataObject
) -> None:
    clip_B = data.draw(st.lists(st.integers(0, len(lengths) - 1), min_size=1, max_size=4))
    begin_B = [data.draw(st.integers(0, lengths[clip] - 1)) for clip in clip_B]
    spectrograms = counted(lengths, channels=channels)
    expected = []
    for clip, begin in zip(clip_B, begin_B, strict=True):
        x_CTM = spectrograms[clip][:, :limit]
        expected.append(x_CTM[:, (begin + np.arange(frames)) % x_CTM.shape[1]])

    found = joined(lengths, channels=channels).crop(
        torch.tensor(clip_B), torch.tensor(begin_B), frames, clip_frames=limit
    )

    np.testing.assert_array_equal(found.numpy(), np.stack(expected))


def test_a_short_clip_is_repeated() -> None:
    x_BCTM = joined([3, 2]).crop(torch.tensor([1]), torch.tensor([0]), 5)

    # The second clip's frames are (6, 7) and (8, 9).
    assert x_BCTM[0, 0, :, 0].tolist() == [6, 8, 6, 8, 6]


def test_a_crop_may_be_written_to_without_changing_the_clips() -> None:
    clips = joined([4])

    clips.crop(torch.tensor([0]), torch.tensor([0]), 4).zero_()

    assert clips.x_TMC.flatten().tolist() == list(range(8))


def test_several_channels_come_out_with_the_channels_last_in_memory() -> None:
    x_BCTM = joined([6, 6], channels=3).crop(torch.tensor([0, 1]), torch.tensor([0, 0]), 4)

    assert x_BCTM.is_contiguous(memory_format=torch.channels_last)


def test_a_subset_shares_the_frames() -> None:
    clips = joined([3, 2, 4])

    part = clips.subset(np.array([False, False, True]))

    assert part.x_TMC is clips.x_TMC
    assert part.crop(torch.tensor([0]), torch.tensor([0]), 1)[0, 0, 0].tolist() == [10, 11]
    assert clips.subset([2, 0]).length_N.tolist() == [4, 3]


def test_clips_in_a_file_give_the_excerpts_of_clips_in_memory(tmp_path: Path) -> None:
    lengths, path = [3, 5, 2], tmp_path / "frames.npy"
    write_frames(path, counted(lengths, channels=2), total_frames=10)
    mapped = ClipFeatures.mapped(path, lengths, label_N=[0, 0, 0], n_classes=1)
    where = torch.tensor([2, 1, 0]), torch.tensor([1, 3, 0])

    found = mapped.crop(*where, 4)

    assert mapped.x_TMC.dtype == torch.float16
    assert found.dtype == torch.float32
    assert torch.equal(found, joined(lengths, channels=2).crop(*where, 4))


@pytest.mark.parametrize("total", [9, 11])
def test_a_file_for_another_number_of_frames_is_refused(tmp_path: Path, total: int) -> None:
    with pytest.raises(ValueError, match=f"total_frames = {total}: the clips have 10 frames"):
        write_frames(tmp_path / "frames.npy", counted([3, 5, 2]), total_frames=total)


def test_the_fingerprint_sees_labels_flags_weights_and_lengths() -> None:
    def made(lengths: list[int], label: int = 0, weight: float = 1, *, verified: bool = True) -> str:
        return ClipFeatures.join(
            counted(lengths), label_N=[label, 0], n_classes=2, weight_N=[weight, 1], verified_N=[verified, True]
        ).fingerprint()

    found = [made([2, 3]), made([3, 2]), made([2, 3], 1), made([2, 3], weight=2), made([2, 3], verified=False)]

    assert len(set(found)) == 5
    assert made([2, 3]) == found[0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"label_N": [0, 2]}, "label_N holds 0 to 2: expected -1 to 1"),
        ({"label_N": [0]}, r"label_N has the shape \(1,\): expected one number for each of 2 clips"),
        ({"weight_N": [1, -1]}, "weight_N holds a negative number"),
        ({"length_N": [5, 0]}, "length_N holds 0: expected at least 1"),
        ({"length_N": [3, 3]}, "reach beyond the 5 frames"),
    ],
)
def test_columns_that_do_not_fit_are_refused(changes: dict[str, list[int]], message: str) -> None:
    values = {"length_N": [2, 3], "label_N": [0, 1], **changes}

    with pytest.raises(ValueError, match=message):
        ClipFeatures.of_frames(torch.zeros(5, 4, 1), n_classes=2, **values)


def test_clips_of_other_bands_are_refused() -> None:
    with pytest.raises(ValueError, match=r"clip 1 has \(bands, channels\) \(5, 1\): expected \(4, 1\)"):
        ClipFeatures.join([np.zeros((3, 4)), np.zeros((3, 5))], label_N=[0, 0], n_classes=1)
    with pytest.raises(ValueError, match="expected at least one clip"):
        ClipFeatures.join([], label_N=[], n_classes=1)
