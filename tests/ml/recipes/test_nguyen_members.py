from __future__ import annotations

import numpy as np
import pytest

from ml.features.configurations import CONFIGURATIONS
from ml.recipes.nguyen_members import members
from ml.recipes.plan import Member
from tests.ml.recipes.published_cases import check_member, clip_set, many_clips


def fitted(rate_hz: int, duration_s: float) -> tuple[Member, ...]:
    return members(many_clips(duration_s=duration_s), sample_rate_hz=rate_hz)


def frames(rate_hz: int, duration_s: float) -> list[int]:
    return [member.training.crop_frames for member in fitted(rate_hz, duration_s)]


def test_scenes_get_what_is_published() -> None:
    scenes = fitted(44_100, 10)
    assert [member.training.crop_frames for member in scenes] == [128, 257, 171]
    assert [member.windows.hop for member in scenes] == [32, 64, 42]
    assert [member.features for member in scenes] == [
        CONFIGURATIONS[name] for name in ("nguyen", "nguyen", "nguyen-background")
    ]
    assert {member.training.augmentation.erasing for member in scenes} == {0.5}


def test_the_longest_excerpt_of_digits_is_as_long_as_they_and_the_others_keep_the_ratio() -> None:
    # 0.6 s at 8 kHz are 4800 // 128 + 1 = 38 frames without the ceil(0.1 * 37) = 4 quietest: 34, in sixteens 32.
    assert frames(8_000, 0.6) == [16, 32, 24]
    # 2 s at 44.1 kHz are 88200 // 512 + 1 = 173 without 18: 155, in sixteens 144; 128 and 171 of 257 are 71.7 and 95.8.
    assert frames(44_100, 2) == [72, 144, 96]


def test_lower_rates_get_transforms_of_a_power_of_two_with_half_overlap() -> None:
    for rate_hz, points in ((4_000, 128), (8_000, 256), (16_000, 512), (22_050, 512), (32_000, 1024)):
        for member in fitted(rate_hz, 10):
            features = member.features
            assert (features.n_fft, features.win_length, features.hop_length) == (points, points, points // 2)


def test_there_are_never_more_bands_than_frames_in_the_longest_excerpt() -> None:
    assert {member.features.n_bands for member in fitted(8_000, 0.6)} == {32}
    assert {member.features.n_bands for member in fitted(8_000, 10)} == {48}
    assert {member.features.n_bands for member in fitted(44_100, 0.6)} == {32}


def test_one_network_hears_without_the_background() -> None:
    assert [member.features.background_normalised for member in fitted(8_000, 1)] == [False, False, True]


def test_excerpts_that_hold_a_whole_clip_are_hardly_erased() -> None:
    erasing = [fitted(44_100, length)[0].training.augmentation.erasing for length in (0.3, 1, 2, 3.5)]
    assert erasing == sorted(erasing)
    assert erasing[0] == pytest.approx(0.5 * 32 / 257)
    assert erasing[-1] == 0.5


def test_few_clips_come_in_small_batches_and_no_round_takes_more_than_the_first() -> None:
    def batches(verified: int) -> tuple[int, int | None]:
        number = np.arange(verified + 5)
        training = members(clip_set(number % 5, verified=number[:verified]), sample_rate_hz=8_000)[0].training
        return training.batch_size, training.steps_per_epoch

    assert batches(33) == (32, 2)
    assert batches(1_999) == (32, 63)
    assert batches(2_000) == (64, None)


@pytest.mark.parametrize("rate_hz", [4_000, 8_000, 16_000, 44_100, 96_000])
@pytest.mark.parametrize("duration_s", [0.05, 0.7, 2.9, 30.0])
def test_networks_take_their_excerpts_and_no_band_is_deaf(rate_hz: int, duration_s: float) -> None:
    for member in fitted(rate_hz, duration_s):
        check_member(member, classes=4)
