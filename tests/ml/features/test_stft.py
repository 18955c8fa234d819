from __future__ import annotations

from collections.abc import Callable

import librosa
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ml.features.stft import Framing, fft_frequencies, frame_count, power_spectrogram

MakeClip = Callable[..., NDArray[np.float64]]


@pytest.mark.parametrize(("n_fft", "win_length", "hop"), [(512, 512, 128), (512, 400, 160), (441, 441, 220)])
@pytest.mark.parametrize("n_samples", [600, 4400])
@pytest.mark.parametrize("framing", ["centred", "uncentred"])
def test_power_is_librosas(
    make_clip: MakeClip, n_fft: int, win_length: int, hop: int, n_samples: int, framing: Framing
) -> None:
    batch = np.stack([make_clip(n_samples, seed=seed) for seed in range(2)])

    power = power_spectrogram(torch.tensor(batch), n_fft=n_fft, win_length=win_length, hop_length=hop, framing=framing)

    spectrum = librosa.stft(
        batch, n_fft=n_fft, win_length=win_length, hop_length=hop, center=framing == "centred", pad_mode="constant"
    )
    assert power.shape == (2, frame_count(n_samples, n_fft=n_fft, hop_length=hop, framing=framing), n_fft // 2 + 1)
    np.testing.assert_allclose(power.numpy(), np.abs(spectrum).transpose(0, 2, 1) ** 2, atol=1e-9)


def test_frames_are_counted_as_in_the_papers() -> None:
    ten_seconds = 441_000
    assert frame_count(ten_seconds, n_fft=2048, hop_length=1024, framing="centred") == 431
    assert frame_count(ten_seconds, n_fft=1764, hop_length=882, framing="uncentred") == 499
    assert frame_count(ten_seconds, n_fft=2048, hop_length=882, framing="per_hop") == 500


@pytest.mark.parametrize(("n_samples", "frames"), [(1, 1), (100, 1), (101, 2), (200, 2)])
def test_a_frame_for_each_hop_that_has_begun(n_samples: int, frames: int) -> None:
    power = power_spectrogram(torch.ones(1, n_samples), n_fft=256, win_length=256, hop_length=100, framing="per_hop")
    assert power.shape[1] == frames


def test_whole_windows_of_too_few_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="255 samples: expected at least 256"):
        power_spectrogram(torch.ones(1, 255), n_fft=256, win_length=256, hop_length=64, framing="uncentred")


def test_clips_without_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="0 samples: expected at least 1"):
        power_spectrogram(torch.ones(1, 0), n_fft=256, win_length=256, hop_length=64)


def test_bins_are_multiples_of_their_distance() -> None:
    # 32,000 / 1024 = 31.25 Hz
    assert fft_frequencies(32_000, 1024)[[0, 1, 512]].tolist() == [0.0, 31.25, 16_000.0]
