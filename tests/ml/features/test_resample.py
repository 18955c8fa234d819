from __future__ import annotations

import math

import librosa
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.features.resample import resample

RATES = [(44_100, 32_000), (48_000, 16_000), (16_000, 44_100), (22_050, 44_100), (4001, 3000)]


def _sine(frequency: float, rate: int, n_samples: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.sin(2 * math.pi * frequency / rate * torch.arange(n_samples, dtype=torch.float64)).to(dtype)[None]


def _inner(samples: torch.Tensor) -> torch.Tensor:
    """Leave out the ends, where a sine begins and stops at once and is no sine."""
    edge = samples.shape[-1] // 4
    return samples[..., edge:-edge]


@pytest.mark.parametrize(("source", "target"), RATES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_sine_below_both_limits_comes_through(source: int, target: int, dtype: torch.dtype) -> None:
    for share in (0.02, 0.5, 0.9):
        frequency = share * min(source, target) / 2
        result = resample(_sine(frequency, source, 1500, dtype), source_hz=source, target_hz=target)
        expected = _sine(frequency, target, result.shape[-1])
        assert result.dtype == dtype
        assert (_inner(result) - _inner(expected)).abs().max() < 1e-3


@pytest.mark.parametrize(("source", "target"), [(44_100, 32_000), (48_000, 16_000), (4001, 3000)])
def test_a_sine_above_the_target_limit_is_suppressed_by_60_db(source: int, target: int) -> None:
    for share in (1.0, 1.01, 1.2, 1.33):
        result = resample(_sine(share * target / 2, source, 4000), source_hz=source, target_hz=target)
        assert _inner(result).abs().max() < 1e-3


def test_nothing_appears_above_the_source_limit() -> None:
    result = resample(_sine(7000, 8000 * 2, 4000), source_hz=16_000, target_hz=48_000)
    spectrum = np.abs(np.fft.rfft(_inner(result)[0].numpy() * np.hanning(_inner(result).shape[-1])))
    frequencies = np.fft.rfftfreq(_inner(result).shape[-1], 1 / 48_000)
    assert spectrum[frequencies > 8000].max() < 1e-3 * spectrum.max()


@settings(max_examples=30, deadline=None)
@given(
    n_samples=st.integers(1, 700),
    source=st.sampled_from([8000, 11_025, 16_000, 44_100, 48_000]),
    target=st.sampled_from([8000, 16_000, 22_050, 32_000, 44_100]),
)
def test_the_length_is_rounded_up(n_samples: int, source: int, target: int) -> None:
    result = resample(torch.ones(2, n_samples), source_hz=source, target_hz=target)
    assert result.shape == (2, math.ceil(n_samples * target / source))


def test_a_constant_stays_what_it_is() -> None:
    result = resample(torch.full((1, 2000), 0.25, dtype=torch.float64), source_hz=44_100, target_hz=32_000)
    assert torch.allclose(_inner(result), torch.tensor(0.25, dtype=torch.float64), atol=1e-12)


def test_the_result_is_that_of_soxr() -> None:
    time = np.arange(4000) / 44_100
    clip = 0.5 * np.sin(2 * np.pi * 700 * time + 1.0) + 0.3 * np.cos(2 * np.pi * 5000 * time)
    expected = librosa.resample(clip, orig_sr=44_100, target_sr=32_000, res_type="soxr_vhq")
    result = resample(torch.tensor(clip)[None], source_hz=44_100, target_hz=32_000)
    assert (_inner(result) - _inner(torch.tensor(expected)[None])).abs().max() < 1e-3


def test_clips_of_a_batch_do_not_meet() -> None:
    clips = torch.randn(3, 500, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    together = resample(clips, source_hz=48_000, target_hz=44_100)
    alone = torch.cat([resample(clip[None], source_hz=48_000, target_hz=44_100) for clip in clips])
    assert torch.allclose(together, alone, atol=1e-12)


def test_equal_rates_change_nothing() -> None:
    clip = torch.rand(1, 100)
    assert resample(clip, source_hz=8000, target_hz=8000) is clip


def test_impossible_rates_and_empty_clips_are_refused() -> None:
    with pytest.raises(ValueError, match="target_hz = 0"):
        resample(torch.ones(1, 5), source_hz=8000, target_hz=0)
    with pytest.raises(ValueError, match="at least one sample"):
        resample(torch.ones(1, 0), source_hz=8000, target_hz=4000)
