from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.features.noise import NOISE_FLOOR, normalise_background, percentile_over_time


@settings(max_examples=40, deadline=None)
@given(frames=st.integers(1, 50), percent=st.floats(0.0, 100.0), seed=st.integers(0, 99))
def test_the_percentile_is_numpys(frames: int, percent: float, seed: int) -> None:
    values = np.random.default_rng(seed).standard_normal((2, frames, 3))
    result = percentile_over_time(torch.tensor(values), percent)
    np.testing.assert_allclose(result.numpy(), np.percentile(values, percent, axis=1, keepdims=True), atol=1e-9)


def test_each_bin_is_divided_by_its_tenth_percentile() -> None:
    # Magnitudes 1 to 11: numpy's 10th percentile is the second smallest, 2. Another bin is ten times as loud.
    magnitude = torch.arange(1.0, 12.0, dtype=torch.float64)[None, :, None] * torch.tensor([1.0, 10.0])
    normalised = normalise_background(magnitude.square())
    expected = (torch.arange(1.0, 12.0, dtype=torch.float64) / 2.0).square()
    assert torch.allclose(normalised[0, :, 0], expected)
    assert torch.allclose(normalised[0, :, 1], expected)


def test_a_steady_background_becomes_flat() -> None:
    steady = torch.rand(1, 1, 20, generator=torch.Generator().manual_seed(0)).expand(1, 30, 20) + 0.1
    assert torch.allclose(normalise_background(steady), torch.ones(1, 30, 20))


def test_bands_without_noise_are_divided_by_the_floor() -> None:
    power = torch.zeros(1, 20, 1, dtype=torch.float64)
    power[0, -1] = 1e-6  # magnitude 1e-3, 40 dB above the floor
    normalised = normalise_background(power)
    assert normalised[0, -1, 0].item() == pytest.approx(1e-6 / NOISE_FLOOR**2)
    assert normalised[0, :-1].unique().tolist() == [0.0]
