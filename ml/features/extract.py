"""From samples to features, as a configuration says, on whatever device the samples are.

There are three paths that agree: `extract_clip` takes a clip as it was recorded and trims it; `extract_batch` takes a
batch of equally long clips that are trimmed already, and `extract_ragged` one of clips of different lengths. No step
looks at another clip of the batch.

The work is done in double precision and handed out in single precision. In single precision the rounding of a loud
bin's transform reaches 140 dB below it and hides what is soft in other bins, so that neither librosa nor another
device would give the same decibels; the transform is a small part of any training. Devices without doubles (mps) use
single precision.

Clips shorter than a window are filled with zeros at their end.

Shapes: B batch, C channel, T frame, M band, N sample, F FFT bin.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ml.features.config import FeatureConfig
from ml.features.decibel import natural_log, perceptual_weighting, power_to_db
from ml.features.deltas import with_deltas, with_padded_deltas
from ml.features.log_frequency import distinct_bin_filterbank, emphasis_power, geometric_filterbank
from ml.features.mel import mel_filterbank
from ml.features.noise import normalise_background
from ml.features.ragged import drop_own_quiet_frames, filled, normalise_own_background, own_frames
from ml.features.segments import sounding_segments
from ml.features.silence import drop_quiet_frames, peak_normalise, trim_bounds
from ml.features.stft import fft_frequencies, frame_count, power_spectrogram


def extract_clip(samples_N: Tensor, config: FeatureConfig) -> Tensor:
    """Compute the features of one clip as it was recorded.

    Parameters
    ----------
    samples_N : float Tensor [shape=(samples,)]
        Mono samples at the configuration's rate, full scale 1, at least one.
    config : FeatureConfig
        What to compute.

    Returns
    -------
    float32 Tensor [shape=(channels, frames, bands)]
        Features. If the configuration splits at silence, those of the segments, one after the other.

    Raises
    ------
    ValueError
        If the samples are not finite floats in one dimension, or there are none.
    """
    return torch.cat(extract_segments(samples_N, config), dim=1)


def extract_segments(samples_N: Tensor, config: FeatureConfig) -> list[Tensor]:
    """Compute the features of each sounding part of a clip, as inputs of their own (Iqbal et al., section 3.1).

    Parameters
    ----------
    samples_N : float Tensor [shape=(samples,)]
        Mono samples at the configuration's rate, full scale 1, at least one.
    config : FeatureConfig
        What to compute.

    Returns
    -------
    list of float32 Tensor [shape=(channels, frames, bands)]
        Features of each part in order; of the whole clip unless the configuration splits at silence.

    Raises
    ------
    ValueError
        If the samples are not finite floats in one dimension, or there are none.
    """
    return [extract_batch(part_N[None], config)[0] for part_N in prepared_parts(samples_N, config)]


def prepared_parts(samples_N: Tensor, config: FeatureConfig) -> list[Tensor]:
    """Bring a clip to its level, cut the silence at its ends, and part it where the configuration says so.

    Parameters
    ----------
    samples_N : float Tensor [shape=(samples,)]
        Mono samples at the configuration's rate, full scale 1, at least one.
    config : FeatureConfig
        What to do.

    Returns
    -------
    list of Tensor [shape=(fewer samples,)]
        Parts in order, at least one, each of at least one sample.

    Raises
    ------
    ValueError
        If the samples are not finite floats in one dimension, or there are none.
    """
    prepared_N = prepare_samples(samples_N, config)
    if config.split is None:
        return [prepared_N]
    bounds = sounding_segments(prepared_N, sample_rate_hz=config.sample_rate_hz, split=config.split)
    return [prepared_N[first:end] for first, end in bounds]


def prepare_samples(samples_N: Tensor, config: FeatureConfig) -> Tensor:
    """Bring a clip to its level and cut the silence at its ends.

    Parameters
    ----------
    samples_N : float Tensor [shape=(samples,)]
        Mono samples at the configuration's rate, full scale 1, at least one.
    config : FeatureConfig
        What to do.

    Returns
    -------
    Tensor [shape=(fewer samples,)]
        At least one sample.

    Raises
    ------
    ValueError
        If the samples are not finite floats in one dimension, or there are none.
    """
    _check_samples(samples_N, dimensions=1)
    if not bool(torch.isfinite(samples_N).all()):
        raise ValueError("samples are not all finite: expected numbers in full scale 1.")
    if config.peak_dbfs is not None:
        samples_N = peak_normalise(samples_N, peak_dbfs=config.peak_dbfs)
    if config.trim_db is not None:
        first, end = trim_bounds(samples_N, top_db=config.trim_db)
        samples_N = samples_N[first:end]
    return samples_N


def extract_batch(samples_BN: Tensor, config: FeatureConfig) -> Tensor:
    """Compute the features of equally long clips that are prepared already.

    Parameters
    ----------
    samples_BN : float Tensor [shape=(batch, samples)]
        Mono samples at the configuration's rate, full scale 1, at least one a clip.
    config : FeatureConfig
        What to compute.

    Returns
    -------
    float32 Tensor [shape=(batch, channels, frames, bands)]
        Features, on the device of the samples; ``config.n_frames(samples)`` frames.

    Raises
    ------
    ValueError
        If the samples are not floats in two dimensions, or there are none.
    """
    _check_samples(samples_BN, dimensions=2)
    samples_BN = _precise(samples_BN)
    missing = config.least_samples - samples_BN.shape[1]
    if missing > 0:
        samples_BN = torch.nn.functional.pad(samples_BN, (0, missing))
    return _finished(_levels(_power(samples_BN, config), config)[:, None], config)


def extract_ragged(samples: Sequence[Tensor], config: FeatureConfig) -> list[Tensor]:
    """Compute the features of clips of different lengths at once; each has those that it would have alone.

    Parameters
    ----------
    samples : sequence of float Tensor [shape=(samples,)]
        Prepared clips on one device, at least one clip of at least one sample; each takes the memory of the longest.
    config : FeatureConfig
        What to compute.

    Returns
    -------
    list of float32 Tensor [shape=(channels, frames, bands)]
        Features of each clip, on the device of the samples.

    Raises
    ------
    ValueError
        If a clip's samples are not floats in one dimension, or there are none.
    """
    for samples_N in samples:
        _check_samples(samples_N, dimensions=1)
    power_BTF = _spectrogram(_precise(filled(samples, least=config.least_samples)), config)
    frames_B = [
        frame_count(
            max(len(samples_N), config.least_samples),
            n_fft=config.n_fft,
            hop_length=config.hop_length,
            framing=config.framing,
        )
        for samples_N in samples
    ]
    if config.drop_quiet_percentile is not None:
        power_BTF, frames_B = drop_own_quiet_frames(power_BTF, frames_B, percent=config.drop_quiet_percentile)
    power_BTF = _emphasised(power_BTF, config)
    if config.background_normalised:
        power_BTF = normalise_own_background(power_BTF, frames_B)
    # Silence is never the maximum that levels are measured by.
    level_BTM = _levels(power_BTF.masked_fill(~own_frames(frames_B, power_BTF), 0.0), config)
    return [
        _finished(level_TM[None, None, :frames], config)[0]
        for level_TM, frames in zip(level_BTM, frames_B, strict=True)
    ]


def _precise(samples: Tensor) -> Tensor:
    return samples.to(torch.float32 if samples.device.type == "mps" else torch.float64)


def _finished(x_BCTM: Tensor, config: FeatureConfig) -> Tensor:
    """Add deltas and bring each channel of a clip to its range."""
    if config.deltas is not None:
        x_BCTM = with_deltas(x_BCTM) if config.deltas == "unpadded" else with_padded_deltas(x_BCTM)
    if config.unit_range:
        least, most = x_BCTM.amin(dim=(2, 3), keepdim=True), x_BCTM.amax(dim=(2, 3), keepdim=True)
        x_BCTM = torch.where(most > least, (x_BCTM - least) / (most - least), 0.0)
    return x_BCTM.to(torch.float32).contiguous()


def _power(samples_BN: Tensor, config: FeatureConfig) -> Tensor:
    power_BTF = _spectrogram(samples_BN, config)
    if config.drop_quiet_percentile is not None:
        power_BTF = drop_quiet_frames(power_BTF, percent=config.drop_quiet_percentile)
    power_BTF = _emphasised(power_BTF, config)
    return normalise_background(power_BTF) if config.background_normalised else power_BTF


def _spectrogram(samples_BN: Tensor, config: FeatureConfig) -> Tensor:
    return power_spectrogram(
        samples_BN,
        n_fft=config.n_fft,
        win_length=config.win_length,
        hop_length=config.hop_length,
        framing=config.framing,
    )


def _emphasised(power_BTF: Tensor, config: FeatureConfig) -> Tensor:
    if config.emphasis_hz is None:
        return power_BTF
    return power_BTF * emphasis_power(_frequencies(config, power_BTF), alpha_hz=config.emphasis_hz)


def _levels(power_BTF: Tensor, config: FeatureConfig) -> Tensor:
    """Apply the filterbank and take levels, in the configuration's order."""
    energy_BTF = power_BTF if config.exponent == 2 else power_BTF.sqrt()  # noqa: PLR2004 -- the square of the magnitude
    bank_FM = _filterbank(config, power_BTF)
    if config.level_on == "bands":
        return _logarithm(energy_BTF @ bank_FM, config)
    if not config.perceptual:
        return _logarithm(energy_BTF, config) @ bank_FM
    weighted_BTF = perceptual_weighting(
        energy_BTF,
        _frequencies(config, power_BTF),
        reference=config.reference,
        amin=config.amin,
        top_db=config.top_db,
    )
    return weighted_BTF @ bank_FM


def _logarithm(energy_BTM: Tensor, config: FeatureConfig) -> Tensor:
    if config.level == "ln":
        return natural_log(energy_BTM, offset=config.offset)
    return power_to_db(energy_BTM, reference=config.reference, amin=config.amin, top_db=config.top_db)


def _filterbank(config: FeatureConfig, like: Tensor) -> Tensor:
    # The cached banks are doubles, which some devices have not, so that they are made on the CPU for those.
    device = like.device if like.dtype == torch.float64 else torch.device("cpu")
    return _cached_filterbank(config, device).to(like)


def _cached_filterbank(config: FeatureConfig, device: torch.device) -> Tensor:
    rate, n_fft, n_bands = config.sample_rate_hz, config.n_fft, config.n_bands
    fmin_hz, fmax_hz = config.fmin_hz, config.fmax_hz
    if config.scale != "log_frequency":
        return mel_filterbank(
            sample_rate_hz=rate,
            n_fft=n_fft,
            n_bands=n_bands,
            fmin_hz=fmin_hz,
            fmax_hz=fmax_hz,
            scale=config.scale,
            norm=config.mel_norm,
            device=device,
        )
    if config.bands_per_octave is None:
        return geometric_filterbank(
            sample_rate_hz=rate, n_fft=n_fft, n_bands=n_bands, fmin_hz=fmin_hz, fmax_hz=fmax_hz, device=device
        )
    return distinct_bin_filterbank(
        sample_rate_hz=rate,
        n_fft=n_fft,
        bands_per_octave=config.bands_per_octave,
        fmin_hz=fmin_hz,
        fmax_hz=fmax_hz,
        device=device,
    )


def _frequencies(config: FeatureConfig, like: Tensor) -> Tensor:
    return fft_frequencies(config.sample_rate_hz, config.n_fft).to(like)


def _check_samples(samples: Tensor, *, dimensions: int) -> None:
    if samples.ndim != dimensions or not samples.is_floating_point() or not samples.numel():
        message = (
            f"samples of shape {tuple(samples.shape)} and {samples.dtype}: "
            f"expected floats in {dimensions} dimension{'s' * (dimensions > 1)}, at least one sample."
        )
        raise ValueError(message)
