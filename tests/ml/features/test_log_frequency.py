from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.features.log_frequency import distinct_bin_filterbank, distinct_bins, emphasis_power, geometric_filterbank

DORFER = {"sample_rate_hz": 32_000, "n_fft": 1024, "bands_per_octave": 26, "fmin_hz": 20.0, "fmax_hz": 14_000.0}


def test_26_notes_an_octave_make_the_128_bands_of_the_paper() -> None:
    bins = distinct_bins(**DORFER)
    assert len(bins) == 130
    assert bins[:4] == (1, 2, 3, 4)  # 20.5 Hz is nearest to 31.25 Hz
    assert bins[-1] == 439  # the 129th note above 440 Hz, 440 * 2^(129 / 26) = 13,710 Hz, is 438.7 bins
    assert distinct_bin_filterbank(**DORFER).shape == (513, 128)


def test_a_triangle_reaches_from_its_neighbour_below_to_its_neighbour_above() -> None:
    # One note an octave at bins of 55 Hz: 55, 110, 220, 440 Hz are bins 1, 2, 4, 8.
    bank = distinct_bin_filterbank(
        sample_rate_hz=1100, n_fft=20, bands_per_octave=1, fmin_hz=50.0, fmax_hz=450.0, device=torch.device("cpu")
    )
    assert bank.shape == (11, 2)
    assert bank[:, 0].tolist() == pytest.approx([0, 0, 1 / 1.5, 0.5 / 1.5, 0, 0, 0, 0, 0, 0, 0])
    # rising over bins 2, 3, 4 as 0, 1/2, 1, falling over 5, 6, 7 as 3/4, 1/2, 1/4; the sum is 3
    assert bank[:, 1].tolist() == pytest.approx([0, 0, 0, 0.5 / 3, 1 / 3, 0.75 / 3, 0.5 / 3, 0.25 / 3, 0, 0, 0])


@settings(max_examples=40, deadline=None)
@given(
    rate=st.sampled_from([8000, 32_000, 48_000]),
    n_fft=st.sampled_from([256, 1024, 8192]),
    n_bands=st.integers(2, 300),
    fmin=st.floats(5.0, 200.0),
    share=st.floats(0.2, 1.0),
)
def test_each_band_in_geometric_progression_has_weight_one(
    rate: int, n_fft: int, n_bands: int, fmin: float, share: float
) -> None:
    bank = geometric_filterbank(
        sample_rate_hz=rate, n_fft=n_fft, n_bands=n_bands, fmin_hz=fmin, fmax_hz=share * rate / 2
    ).numpy()
    assert bank.shape == (n_fft // 2 + 1, n_bands)
    assert bank.min() >= 0.0
    np.testing.assert_allclose(bank.sum(axis=0), 1.0)


def test_a_sine_is_loudest_in_the_band_around_it() -> None:
    # 24 bands an octave from 10 Hz: 640 Hz is six octaves above, band 144.
    bank = geometric_filterbank(
        sample_rate_hz=48_000, n_fft=8192, n_bands=256, fmin_hz=10.0, fmax_hz=10.0 * 2.0 ** (255 / 24)
    )
    bins = torch.arange(4097) * 48_000 / 8192
    sine = torch.zeros(4097, dtype=torch.float64)
    sine[(bins - 640.0).abs().argmin()] = 1.0
    assert int((sine @ bank).argmax()) == pytest.approx(144, abs=1)


def test_emphasis_does_what_the_difference_filter_does_at_low_frequencies() -> None:
    # y[n] = (x[n] - 0.97 x[n - 1]) / 0.03 at 48 kHz is the filter that the number 1485 Hz comes from.
    frequencies = np.array([0.0, 100.0, 236.0, 1000.0])
    digital = np.abs((1.0 - 0.97 * np.exp(-2j * np.pi * frequencies / 48_000)) / 0.03) ** 2
    power = emphasis_power(torch.tensor(frequencies), alpha_hz=48_000 * 0.03 / 0.97)
    np.testing.assert_allclose(power.numpy(), digital, rtol=0.03)


def test_emphasis_doubles_power_at_alpha_over_two_pi() -> None:
    corner = torch.tensor([0.0, 1485.0 / (2 * np.pi)], dtype=torch.float64)
    assert emphasis_power(corner, alpha_hz=1485.0).tolist() == pytest.approx([1.0, 2.0])
