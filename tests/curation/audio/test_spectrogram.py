from __future__ import annotations

import io

import librosa
import numpy as np
import pytest
from PIL import Image

from curation.audio.spectrogram import cubehelix, mel_filters, mel_picture, mel_spectrogram
from tests.factories.audio import noise, tone


@pytest.mark.parametrize("rate_hz", [8_000, 22_050, 44_100, 96_000])
def test_filters_equal_librosas(rate_hz: int) -> None:
    expected = librosa.filters.mel(sr=rate_hz, n_fft=2_048, n_mels=64)
    np.testing.assert_allclose(mel_filters(rate_hz, n_mels=64).toarray(), expected, rtol=1e-4, atol=1e-9)


def test_spectrogram_equals_librosas() -> None:
    samples = noise(44_100) + tone(1_000, 1.0)
    frames = 1 + len(samples) // 512
    ours = mel_spectrogram(samples, 44_100, centres=512 * np.arange(frames))
    librosas = librosa.feature.melspectrogram(y=samples / np.float32(32_768), sr=44_100, n_fft=2_048, hop_length=512)
    assert ours.shape == librosas.shape
    np.testing.assert_allclose(ours, librosas, rtol=1e-3, atol=1e-7)


def test_colours_get_brighter_from_black_to_white() -> None:
    colours = cubehelix().astype(float)
    brightness = colours @ [0.30, 0.59, 0.11]  # the weights that Green's equation keeps even
    assert np.allclose(brightness, np.arange(256), atol=1.5)
    assert colours[0].tolist() == [0, 0, 0]
    assert colours[255].tolist() == [255, 255, 255]


def picture_of(samples: np.ndarray, **options: int) -> np.ndarray:
    picture = Image.open(io.BytesIO(mel_picture(samples, 44_100, **options)))
    assert picture.format == "WEBP"
    return np.asarray(picture.convert("L")).astype(float)


def test_low_tones_lie_below_high_tones_and_time_runs_right() -> None:
    samples = np.concatenate([tone(200, 1.0), tone(8_000, 1.0)])
    picture = picture_of(samples, width=200)
    assert picture.shape == (128, 200)
    low, high = picture[:, 20:80].mean(axis=1).argmax(), picture[:, 120:180].mean(axis=1).argmax()
    assert low > 110  # rows count from the top
    assert high < 50


def test_silence_is_black_and_a_single_sample_can_be_drawn() -> None:
    assert picture_of(np.zeros(44_100, np.int16)).max() < 3
    assert picture_of(np.array([1_000], np.int16)).shape == (128, 1_000)


def test_an_hour_is_drawn_from_a_bounded_number_of_frames() -> None:
    assert picture_of(np.zeros(3_600 * 44_100, np.int16), width=100).shape == (128, 100)


def test_no_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="No samples"):
        mel_picture(np.zeros(0, np.int16), 44_100)
