from __future__ import annotations

import librosa
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ml.features.decibel import a_weighting, natural_log, perceptual_weighting, power_to_db


@pytest.fixture(name="power")
def _power() -> NDArray[np.float64]:
    power = np.random.default_rng(1).random((2, 7, 9)) ** 20  # down to far below amin
    power[1] *= 100.0
    power[0, 3] = 0.0
    return power


@pytest.mark.parametrize("top_db", [None, 40.0, 80.0])
@pytest.mark.parametrize("reference", ["one", "clip_maximum"])
def test_decibels_of_each_clip_are_librosas(power: NDArray[np.float64], top_db: float | None, reference: str) -> None:
    level = power_to_db(torch.tensor(power), reference=reference, top_db=top_db)
    for clip in range(2):
        expected = librosa.power_to_db(power[clip], ref=np.max if reference == "clip_maximum" else 1.0, top_db=top_db)
        np.testing.assert_allclose(level[clip].numpy(), expected, atol=1e-9)


def test_the_floor_is_that_of_the_clip_and_not_of_its_neighbour() -> None:
    # 0 dB and -60 dB in the first clip, -30 dB and -60 dB in the second: a floor of 40 dB stands at -40 and at -70.
    power = torch.tensor([[[1.0, 1e-6]], [[1e-3, 1e-6]]])
    assert power_to_db(power, top_db=40.0).flatten().tolist() == pytest.approx([0.0, -40.0, -30.0, -60.0])


def test_digital_silence_is_the_least_power_and_zero_below_its_own_maximum() -> None:
    silence = torch.zeros(1, 2, 2)
    assert power_to_db(silence).unique().tolist() == pytest.approx([-100.0])
    assert power_to_db(silence, reference="clip_maximum").unique().tolist() == [0.0]


def test_the_a_curve_is_librosas() -> None:
    frequencies = np.fft.rfftfreq(1024, 1 / 48_000)
    expected = librosa.A_weighting(np.maximum(frequencies, 1e-30))  # librosa divides by nothing at 0 Hz
    np.testing.assert_allclose(a_weighting(torch.tensor(frequencies)).numpy(), expected, atol=1e-9)


def test_the_a_curve_has_the_values_of_the_standard() -> None:
    # IEC 61672-1, table 3: 31.5 Hz -39.4, 100 Hz -19.1, 1 kHz 0, 4 kHz +1.0, 16 kHz -6.6 (nominal frequencies)
    weights = a_weighting(torch.tensor([31.62, 100.0, 1000.0, 3981.0, 15_849.0], dtype=torch.float64))
    assert weights.tolist() == pytest.approx([-39.4, -19.1, 0.0, 1.0, -6.6], abs=0.06)


def test_perceptual_weighting_is_librosas(power: NDArray[np.float64]) -> None:
    frequencies = np.linspace(50.0, 8000.0, 9)
    level = perceptual_weighting(torch.tensor(power), torch.tensor(frequencies), top_db=99.0)
    for clip in range(2):
        expected = librosa.perceptual_weighting(power[clip].T, frequencies, top_db=99.0).T
        np.testing.assert_allclose(level[clip].numpy(), expected, atol=1e-9)


def test_the_natural_logarithm_of_silence_is_that_of_the_offset() -> None:
    level = natural_log(torch.tensor([0.0, 0.999], dtype=torch.float64), offset=1e-3)
    assert level.tolist() == pytest.approx([-6.907755, 0.0], abs=1e-6)  # ln 0.001
