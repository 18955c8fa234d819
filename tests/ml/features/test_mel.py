from __future__ import annotations

import warnings
from typing import Literal

import librosa
import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ml.features.mel import MelScale, mel_filterbank


@settings(max_examples=60, deadline=None)
@given(
    rate=st.sampled_from([8000, 16_000, 22_050, 32_000, 44_100, 48_000]),
    n_fft=st.sampled_from([400, 512, 1024, 1764, 2048]),
    n_bands=st.integers(1, 160),
    fmin=st.sampled_from([0.0, 10.0, 50.0, 125.0, 1200.0]),
    share=st.floats(0.35, 1.0),
    scale=st.sampled_from(["mel_slaney", "mel_htk"]),
    norm=st.sampled_from(["slaney", None]),
)
def test_filterbank_is_librosas(
    rate: int, n_fft: int, n_bands: int, fmin: float, share: float, scale: MelScale, norm: Literal["slaney"] | None
) -> None:
    fmax = share * rate / 2
    assume(fmax > fmin)

    bank = mel_filterbank(
        sample_rate_hz=rate,
        n_fft=n_fft,
        n_bands=n_bands,
        fmin_hz=fmin,
        fmax_hz=fmax,
        scale=scale,
        norm=norm,
    )

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # librosa warns of bands without a bin
        expected = librosa.filters.mel(
            sr=rate,
            n_fft=n_fft,
            n_mels=n_bands,
            fmin=fmin,
            fmax=fmax,
            htk=scale == "mel_htk",
            norm=norm,
            dtype=np.float64,
        )
    np.testing.assert_allclose(bank.numpy(), expected.T, atol=1e-9)


def test_slaney_scale_is_linear_below_one_kilohertz() -> None:
    # Three edges a band: 0, 200, 400, 600 Hz are 0, 3, 6, 9 mel. Bins of 100 Hz: band 1 peaks at 400 Hz, half at 300.
    bank = mel_filterbank(
        sample_rate_hz=2000, n_fft=20, n_bands=2, fmin_hz=0.0, fmax_hz=600.0, scale="mel_slaney", norm=None
    )
    assert bank[:, 1].tolist() == pytest.approx([0, 0, 0, 0.5, 1, 0.5, 0, 0, 0, 0, 0])


def test_banks_are_built_once() -> None:
    numbers = {"sample_rate_hz": 16_000, "n_fft": 512, "n_bands": 40, "fmin_hz": 0.0, "fmax_hz": 8000.0}
    first = mel_filterbank(**numbers, scale="mel_htk", device=torch.device("cpu"))
    assert mel_filterbank(**numbers, scale="mel_htk", device=torch.device("cpu")) is first
    assert mel_filterbank(**numbers, scale="mel_slaney", device=torch.device("cpu")) is not first
