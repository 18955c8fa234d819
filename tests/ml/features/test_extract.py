from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import librosa
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ml.features.configurations import CONFIGURATIONS, FeatureConfig
from ml.features.extract import (
    extract_batch,
    extract_clip,
    extract_ragged,
    extract_segments,
    prepare_samples,
    prepared_parts,
)
from ml.features.resample import resample

MakeClip = Callable[..., NDArray[np.float64]]


def _log_bank(config: FeatureConfig) -> NDArray[np.float64]:
    """Build Dorfer's bands bin by bin, and the blog's with numpy's interpolation."""
    bins = np.arange(config.n_fft // 2 + 1)
    frequencies = bins * config.sample_rate_hz / config.n_fft
    if config.bands_per_octave:
        notes = 440.0 * 2.0 ** (np.arange(-400, 400) / config.bands_per_octave)
        notes = notes[(notes >= config.fmin_hz) & (notes <= config.fmax_hz)]
        centres = np.unique(np.abs(notes[:, None] - frequencies[:-1]).argmin(axis=1))
        corners = list(zip(centres, centres[1:], centres[2:], strict=False))
        rows = [np.interp(bins, corner, [0.0, 1.0, 0.0]) for corner in corners]
    else:
        centres = np.geomspace(config.fmin_hz, config.fmax_hz, config.n_bands)
        ratio, step = centres[1] / centres[0], frequencies[1]
        rows = [
            np.interp(frequencies, [min(c / ratio, c - step), c, max(c * ratio, c + step)], [0.0, 1.0, 0.0])
            for c in centres
        ]
    return np.array([row / row.sum() for row in rows])


def _reference(clip: NDArray[np.float64], config: FeatureConfig) -> NDArray[np.float64]:
    """Compute features with librosa, numpy and doubles: channels by frames by bands."""
    clip = np.pad(clip, (0, max(0, config.least_samples - len(clip))))
    spectrum = librosa.stft(
        clip,
        n_fft=config.n_fft,
        win_length=config.win_length,
        hop_length=config.hop_length,
        center=config.framing != "uncentred",
        pad_mode="constant",
    )
    if config.framing == "per_hop":
        spectrum = spectrum[:, : int(np.ceil(len(clip) / config.hop_length))]
    magnitude = np.abs(spectrum)
    frequencies = librosa.fft_frequencies(sr=config.sample_rate_hz, n_fft=config.n_fft)
    if config.drop_quiet_percentile:
        order = (magnitude**2).sum(axis=0).argsort(kind="stable")
        quiet = int(np.ceil(config.drop_quiet_percentile / 100 * (len(order) - 1)))
        magnitude = magnitude[:, np.sort(order[quiet:])]
    if config.emphasis_hz:
        magnitude = magnitude * np.abs(1 + 2j * np.pi * frequencies / config.emphasis_hz)[:, None]
    if config.background_normalised:
        magnitude = magnitude / np.maximum(np.percentile(magnitude, 10, axis=1, keepdims=True), 1e-5)
    if config.scale == "log_frequency":
        bank = _log_bank(config)
    else:
        bank = librosa.filters.mel(
            sr=config.sample_rate_hz,
            n_fft=config.n_fft,
            n_mels=config.n_bands,
            fmin=config.fmin_hz,
            fmax=config.fmax_hz,
            htk=config.scale == "mel_htk",
            norm=config.mel_norm,
            dtype=np.float64,
        )
    energy = magnitude**config.exponent
    decibels = {
        "ref": np.max if config.reference == "clip_maximum" else 1.0,
        "amin": config.amin,
        "top_db": config.top_db,
    }
    if config.perceptual:
        features = bank @ librosa.perceptual_weighting(energy, np.maximum(frequencies, 1e-30), **decibels)
    elif config.level_on == "bins":
        features = bank @ librosa.power_to_db(energy, **decibels)
    elif config.level == "ln":
        features = np.log(bank @ energy + config.offset)
    else:
        features = librosa.power_to_db(bank @ energy, **decibels)
    if config.deltas:
        slope = librosa.feature.delta(features, width=5)[:, 2:-2]
        bend = librosa.feature.delta(slope, width=5)[:, 2:-2] if slope.shape[1] >= 5 else None
        features = np.stack([features[:, 4:-4], slope[:, 2:-2], bend])
        least = features.min(axis=(1, 2), keepdims=True)
        spread = features.max(axis=(1, 2), keepdims=True) - least
        features = np.divide(features - least, spread, out=np.zeros_like(features), where=spread > 0)
    return features.reshape(config.n_channels, config.n_bands, -1).transpose(0, 2, 1)


@pytest.mark.parametrize("n_samples", [1, 37, 1500, 20_011])
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_spectrograms_are_librosas(make_clip: MakeClip, name: str, n_samples: int) -> None:
    config = CONFIGURATIONS[name]
    clip = make_clip(n_samples, rate=config.sample_rate_hz, seed=3)

    features = extract_batch(torch.tensor(clip)[None], config)

    assert features.shape == (1, config.n_channels, config.n_frames(n_samples), config.n_bands)
    assert features.dtype == torch.float32
    np.testing.assert_allclose(features[0].numpy(), _reference(clip, config), atol=1e-4, rtol=0.0)


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_a_batch_gives_what_its_clips_give(make_clip: MakeClip, name: str) -> None:
    config = CONFIGURATIONS[name]
    clips = [torch.tensor(make_clip(6000, seed=seed, silence=0.0), dtype=torch.float32) for seed in range(3)]
    prepared = [prepare_samples(clip, config) for clip in clips]
    assert {len(clip) for clip in prepared} == {6000}

    together = extract_batch(torch.stack(prepared), config)

    for clip, features in zip(clips, together, strict=True):
        torch.testing.assert_close(extract_clip(clip, config), features, atol=1e-5, rtol=0.0)


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_clips_of_different_lengths_give_what_each_gives_alone(make_clip: MakeClip, name: str) -> None:
    config = CONFIGURATIONS[name]
    lengths = (1, 6000, 20_011, 37, 5999, 1500)
    # One is loud, one soft, one ends in silence: maxima, ranks and percentiles are those of the clip.
    clips = [
        torch.tensor(make_clip(length, rate=config.sample_rate_hz, seed=seed, silence=0.1 * seed), dtype=torch.float32)
        * 10.0**-seed
        for seed, length in enumerate(lengths)
    ]
    clips.append(torch.zeros(4000))
    parts = [part for clip in clips for part in prepared_parts(clip, config)]

    together = extract_ragged(parts, config)

    for part, features in zip(parts, together, strict=True):
        assert features.dtype == torch.float32
        torch.testing.assert_close(features, extract_batch(part[None], config)[0], atol=1e-4, rtol=0.0)


def test_padded_deltas_of_different_lengths_are_those_of_the_clip(make_clip: MakeClip) -> None:
    config = replace(CONFIGURATIONS["earmark"], deltas="padded", trim_db=None, unit_range=True)
    clips = [torch.tensor(make_clip(length, seed=length)) for length in (9000, 4000)]
    for clip, features in zip(clips, extract_ragged(clips, config), strict=True):
        torch.testing.assert_close(features, extract_clip(clip, config), atol=1e-4, rtol=0.0)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no accelerator on this machine")
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_a_gpu_gives_what_a_processor_gives(make_clip: MakeClip, name: str) -> None:
    config = CONFIGURATIONS[name]
    clips = [torch.tensor(make_clip(length, seed=length, silence=0.0)).float() for length in (20_000, 6000, 300)]
    found = extract_ragged([clip.cuda() for clip in clips], config)
    for expected, features in zip(extract_ragged(clips, config), found, strict=True):
        torch.testing.assert_close(features.cpu(), expected, atol=1e-4, rtol=0.0)


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_digital_silence_has_finite_features(name: str) -> None:
    config = CONFIGURATIONS[name]
    for n_samples in (1, 700, 5000):
        features = extract_clip(torch.zeros(n_samples), config)
        assert features.shape == (config.n_channels, config.n_frames(n_samples), config.n_bands)
        assert bool(torch.isfinite(features).all())


def test_silence_at_the_ends_is_cut_where_librosa_cuts_it(make_clip: MakeClip) -> None:
    clip = make_clip(40_000, silence=0.3)
    config = CONFIGURATIONS["earmark"]
    trimmed, _ = librosa.effects.trim(clip, top_db=60)
    assert 1000 < len(trimmed) < 25_000
    torch.testing.assert_close(prepare_samples(torch.tensor(clip), config), torch.tensor(trimmed))
    assert extract_clip(torch.tensor(clip), config).shape[1] == 1 + len(trimmed) // config.hop_length


def test_levels_are_relative_to_the_normalised_peak(make_clip: MakeClip) -> None:
    # Dorfer brings the peak to -0.1 dB first, so that a softer recording of the same has the same features.
    clip = torch.tensor(make_clip(8000))
    loud, soft = (extract_clip(gain * clip, CONFIGURATIONS["dorfer-1"]) for gain in (1.0, 0.1))
    torch.testing.assert_close(loud, soft, atol=1e-4, rtol=0.0)
    assert prepare_samples(clip, CONFIGURATIONS["dorfer-1"]).abs().max().item() == pytest.approx(10 ** (-0.1 / 20))


def test_segments_are_inputs_of_their_own() -> None:
    config = CONFIGURATIONS["iqbal-a"]
    sound = 0.3 * torch.randn(32_000, generator=torch.Generator().manual_seed(0))
    clip = torch.cat([sound, torch.zeros(64_000), 0.1 * sound])
    parts = extract_segments(clip, config)
    # 1 s of sound and 400 ms of silence: 44,800 samples, 88 frames; each has a maximum of 0 dB.
    assert [part.shape for part in parts] == [(1, 88, 64)] * 2
    assert [part.max().item() for part in parts] == [0.0, 0.0]
    assert torch.equal(extract_clip(clip, config), torch.cat(parts, dim=1))


def test_single_precision_and_double_precision_samples_agree(make_clip: MakeClip) -> None:
    clip = make_clip(8000).astype(np.float32)
    for name in ("earmark", "nguyen-background"):
        single = extract_clip(torch.tensor(clip), CONFIGURATIONS[name])
        double = extract_clip(torch.tensor(clip.astype(np.float64)), CONFIGURATIONS[name])
        torch.testing.assert_close(single, double, atol=1e-5, rtol=0.0)


def test_padded_deltas_can_be_asked_for(make_clip: MakeClip) -> None:
    config = replace(CONFIGURATIONS["earmark"], deltas="padded", trim_db=None)
    clip = torch.tensor(make_clip(100))
    features = extract_clip(clip, config)
    assert features.shape == (3, config.n_frames(100), 64)
    np.testing.assert_allclose(
        features[1].numpy(), librosa.feature.delta(features[0].double().numpy(), axis=0), atol=1e-4
    )


def test_low_rates_have_features_of_as_many_frames(make_clip: MakeClip) -> None:
    clip = torch.tensor(make_clip(32_000, silence=0.0))[None]
    earmark = replace(CONFIGURATIONS["earmark"], top_db=None)
    low = extract_batch(resample(clip, source_hz=32_000, target_hz=8000), earmark.at_rate(8000))
    assert low.shape == extract_batch(clip, earmark).shape


@pytest.mark.parametrize(
    ("samples", "told"),
    [
        (torch.zeros(0), "at least one sample"),
        (torch.zeros(2, 5), "expected floats in 1 dimension,"),
        (torch.zeros(5, dtype=torch.int16), "int16"),
        (torch.tensor([0.0, float("nan")]), "not all finite"),
    ],
)
def test_what_is_no_clip_is_refused(samples: torch.Tensor, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        extract_clip(samples, CONFIGURATIONS["earmark"])
    with pytest.raises(ValueError, match="expected floats in 2 dimensions"):
        extract_batch(torch.zeros(5), CONFIGURATIONS["earmark"])
