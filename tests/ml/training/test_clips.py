from __future__ import annotations

from dataclasses import replace
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


def test_soft_labels_have_their_mode_as_label() -> None:
    clips = joined([3, 2, 4])
    clips = replace(clips, n_classes=3)

    found = clips.labelled(
        target_NK=[[0.2, 0.5, 0.3], [1, 0, 0], [0, 0.4, 0.6]], weight_N=[0.5, 1, 2], verified_N=[False, True, False]
    )

    assert found.x_TMC is clips.x_TMC
    assert found.label_N.tolist() == [1, 0, 2]
    assert found.weight_N.tolist() == [0.5, 1, 2]
    assert found.verified_N.tolist() == [False, True, False]
    assert found.target_NK is not None
    assert found.target_NK.dtype == torch.float32
    assert clips.target_NK is None


def test_a_subset_takes_its_soft_labels_along() -> None:
    target_NK = torch.tensor([[1.0, 0.0], [0.3, 0.7], [0.5, 0.5]])
    clips = replace(joined([3, 2, 4]), n_classes=2, target_NK=target_NK)

    part = clips.subset([2, 1])

    assert part.target_NK is not None
    assert part.target_NK.tolist() == target_NK[[2, 1]].tolist()


def test_soft_labels_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"target_NK has the shape \(2, 3\): expected \(2, 1\)"):
        joined([3, 2]).labelled(target_NK=np.ones((2, 3)), weight_N=[1, 1], verified_N=[True, True])


def test_a_padded_clip_stands_in_the_middle() -> None:
    clips = replace(joined([3, 2]), padding_value=-7.0)

    x_BCTM = clips.crop(torch.tensor([1, 0, 0]), torch.tensor([0, 0, 0]), 6)

    # The second clip's frames begin with 6 and 8, the first's with 0, 2 and 4; of three spare frames one comes before.
    assert x_BCTM[:, 0, :, 0].tolist() == [
        [-7, -7, 6, 8, -7, -7],
        [-7, 0, 2, 4, -7, -7],
        [-7, 0, 2, 4, -7, -7],
    ]
    assert x_BCTM[0, 0, 0].tolist() == [-7, -7]  # in all bands


def test_padding_leaves_long_clips_alone() -> None:
    clips = joined([5, 7])
    where = torch.tensor([0, 1, 1]), torch.tensor([1, 0, 3])

    assert torch.equal(replace(clips, padding_value=-7.0).crop(*where, 4), clips.crop(*where, 4))


def test_a_clip_that_is_cut_is_padded_to_the_excerpt() -> None:
    clips = replace(joined([9]), padding_value=-7.0)

    x_BCTM = clips.crop(torch.tensor([0]), torch.tensor([0]), 6, clip_frames=4)

    assert x_BCTM[0, 0, :, 0].tolist() == [-7, 0, 2, 4, 6, -7]


def test_the_fingerprint_sees_soft_labels_and_padding() -> None:
    clips = replace(joined([3, 2]), n_classes=2)
    soft = [replace(clips, target_NK=torch.tensor([[1, 0], [p, 1 - p]])) for p in (0.75, 0.5)]

    found = [each.fingerprint() for each in (clips, *soft, replace(clips, padding_value=0.0))]

    assert len(set(found)) == 4
