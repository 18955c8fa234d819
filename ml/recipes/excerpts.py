"""How published excerpts, bands and rates are fitted to other recordings.

The published systems were made for clips of up to 30 s at 44.1 kHz. Digits of half a second at 8 kHz would be repeated
six times to fill an excerpt of Nguyen's, and a third of its mel bands would lie above what was recorded. One rule for
all recipes, which changes nothing where clips and rate are at least as published:

rate
    The published one, or that of the recordings if it is lower; windows and hops keep their seconds.
bands
    As many as the published filterbank has below the new upper limit, a multiple of 16, so that bands stay as wide as
    they were and none falls between two bins of the transform. Networks that need more bands than that get as many as
    they need.
excerpts
    As long as the typical clip (the 90th percentile of the durations), a multiple of 16 frames, where that is shorter
    than the published excerpt; never below 32 frames or what the network needs.

Shape legend: F FFT bin, M mel band.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ml.features.config import FeatureConfig
from ml.features.configurations import CONFIGURATIONS
from ml.features.mel import mel_filterbank
from ml.features.stft import fft_frequencies
from ml.recipes.candidates import CandidateSet

GRANULE = 16  # frames and bands: networks halve them about four times
SHORTEST = 32  # frames of an excerpt
TYPICAL_PERCENTILE = 90  # of the clips' durations


def features_for(name: str, sample_rate_hz: int, *, fewest_bands: int = GRANULE) -> FeatureConfig:
    """Fit a published configuration with a mel scale to the rate of the recordings.

    Parameters
    ----------
    name : str
        Name in `ml.features.configurations.CONFIGURATIONS`.
    sample_rate_hz : int
        Rate of the recordings.
    fewest_bands : int
        Bands that the network needs.

    Returns
    -------
    FeatureConfig
        The published one where the rate allows it.
    """
    published = CONFIGURATIONS[name]
    if sample_rate_hz >= published.sample_rate_hz:
        return published
    fitted = published.at_rate(sample_rate_hz)
    bands = _bands_below(published, fitted.fmax_hz) // GRANULE * GRANULE
    return replace(fitted, n_bands=max(bands, fewest_bands))


def typical_frames(candidates: CandidateSet, features: FeatureConfig) -> int:
    """Count the frames of a clip of typical length."""
    typical_s = float(np.percentile(candidates.duration_s_N, TYPICAL_PERCENTILE))
    return _frames(typical_s, features)


def longest_frames(candidates: CandidateSet, features: FeatureConfig) -> int:
    """Count the frames of the longest clip."""
    return _frames(float(candidates.duration_s_N.max()), features)


def excerpt_frames(published: int, typical: int, *, fewest: int = SHORTEST) -> int:
    """Fit the length of an excerpt to the typical clip.

    Parameters
    ----------
    published : int
        Frames of the paper.
    typical : int
        Frames of the typical clip.
    fewest : int
        Frames that the network needs.

    Returns
    -------
    int
        Frames of an excerpt, from `fewest` to `published`.
    """
    return min(published, max(fewest, math.ceil(typical / GRANULE) * GRANULE))


def _frames(seconds: float, features: FeatureConfig) -> int:
    return features.n_frames(round(seconds * features.sample_rate_hz))


def _bands_below(features: FeatureConfig, highest_hz: float) -> int:
    assert features.scale != "log_frequency"  # noqa: S101 -- a fault of the recipe, not of its user
    bank_FM = mel_filterbank(
        sample_rate_hz=features.sample_rate_hz,
        n_fft=features.n_fft,
        n_bands=features.n_bands,
        fmin_hz=features.fmin_hz,
        fmax_hz=features.fmax_hz,
        scale=features.scale,
        norm=features.mel_norm,
    )
    centre_M = fft_frequencies(features.sample_rate_hz, features.n_fft)[bank_FM.argmax(dim=0)]
    return int((centre_M <= highest_hz).sum())
