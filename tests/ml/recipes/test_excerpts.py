from __future__ import annotations

import numpy as np
import pytest

from ml.features.configurations import CONFIGURATIONS
from ml.recipes.excerpts import excerpt_frames, features_for, longest_frames, typical_frames
from tests.ml.recipes.published_cases import clip_set, mel_bands_heard


@pytest.mark.parametrize("name", ["nguyen", "nguyen-background", "dorfer-1", "iqbal-a", "iqbal-b", "icme2024"])
@pytest.mark.parametrize("rate_hz", [4_000, 8_000, 11_025, 16_000, 22_050, 32_000])
def test_no_band_is_deaf_at_any_rate(name: str, rate_hz: int) -> None:
    features = features_for(name, rate_hz)
    assert mel_bands_heard(features) == features.n_bands
    assert features.sample_rate_hz == min(rate_hz, CONFIGURATIONS[name].sample_rate_hz)


def test_a_rate_above_the_published_one_changes_nothing() -> None:
    assert features_for("dorfer-1", 44_100) is CONFIGURATIONS["dorfer-1"]


def test_bands_stay_as_wide_as_published() -> None:
    # Slaney's mel: 18 kHz is 15 + ln(18) / (ln(6.4) / 27) = 57.04, 4 kHz is 35.16: 96 bands stand 57.04 / 97 apart, 59
    # of them up to 4 kHz, in sixteens 48.
    assert features_for("nguyen", 8_000).n_bands == 48
    assert features_for("nguyen", 8_000, fewest_bands=64).n_bands == 64


@pytest.mark.parametrize(
    ("published", "typical", "fewest", "frames"),
    [
        (128, 1000, 32, 128),
        (128, 128, 32, 128),
        (128, 100, 32, 112),
        (128, 96, 32, 96),
        (128, 5, 32, 32),
        (384, 60, 192, 192),
        (500, 499, 64, 500),  # in sixteens 512, more than published
    ],
)
def test_excerpts_are_as_long_as_typical_clips_within_what_is_published_and_needed(
    published: int, typical: int, fewest: int, frames: int
) -> None:
    assert excerpt_frames(published, typical, fewest=fewest) == frames


def test_one_long_clip_of_many_is_not_typical() -> None:
    clips = clip_set(np.arange(20) % 2, verified=range(4))
    clips.duration_s_N[:] = 1.0
    clips.duration_s_N[0] = 9.0
    features = features_for("iqbal-a", 32_000)
    assert typical_frames(clips, features) == 63  # 32,000 // 512 + 1
    assert longest_frames(clips, features) == 563
