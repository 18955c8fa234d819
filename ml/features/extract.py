"""From samples to features, as a configuration says, on whatever device the samples are.

There are two paths that agree: `extract_clip` takes a clip as it was recorded and trims it; `extract_batch` takes a
batch of equally long clips that are trimmed already. No step looks at another clip of the batch.

The work is done in double precision and handed out in single precision. In single precision the rounding of a loud
bin's transform reaches 140 dB below it and hides what is soft in other bins, so that neither librosa nor another
device would give the same decibels; the transform is a small part of any training. Devices without doubles (mps) use
single precision.

Clips shorter than a window are filled with zeros at their end.

Shapes: B batch, C channel, T frame, M band, N sample, F FFT bin.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ml.features.config import FeatureConfig
from ml.features.decibel import natural_log, perceptual_weighting, power_to_db
from ml.features.deltas import with_deltas, with_padded_deltas
from ml.features.log_frequency import distinct_bin_filterbank, emphasis_power, geometric_filterbank
from ml.features.mel import mel_filterbank
from ml.features.noise import normalise_background
from ml.features.segments import sounding_segments
from ml.features.silence import drop_quiet_frames, peak_normalise, trim_bounds
from ml.features.stft import fft_frequencies, power_spectrogram


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
    prepared_N = prepare_samples(samples_N, config)
    bounds = [(0, len(prepared_N))]
    if config.split is not None:
        bounds = sounding_segments(prepared_N, sample_rate_hz=config.sample_rate_hz, split=config.split)
    return [extract_batch(prepared_N[None, first:end], config)[0] for first, end in bounds]


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
    samples_BN = samples_BN.to(torch.float32 if samples_BN.device.type == "mps" else torch.float64)
    missing = config.least_samples - samples_BN.shape[1]
    if missing > 0:
        samples_BN = torch.nn.functional.pad(samples_BN, (0, missing))
    x_BCTM = _levels(_power(samples_BN, config), config)[:, None]
    if config.deltas is not None:
        x_BCTM = with_deltas(x_BCTM) if config.deltas == "unpadded" else with_padded_deltas(x_BCTM)
    if config.unit_range:
        least, most = x_BCTM.amin(dim=(2, 3), keepdim=True), x_BCTM.amax(dim=(2, 3), keepdim=True)
        x_BCTM = torch.where(most > least, (x_BCTM - least) / (most - least), 0.0)
    return x_BCTM.to(torch.float32).contiguous()


def _power(samples_BN: Tensor, config: FeatureConfig) -> Tensor:
    power_BTF = power_spectrogram(
        samples_BN,
        n_fft=config.n_fft,
        win_length=config.win_length,
        hop_length=config.hop_length,
        framing=config.framing,
    )
    if config.drop_quiet_percentile is not None:
        power_BTF = drop_quiet_frames(power_BTF, percent=config.drop_quiet_percentile)
    if config.emphasis_hz is not None:
        frequencies_F = _frequencies(config, power_BTF)
        power_BTF = power_BTF * emphasis_power(frequencies_F, alpha_hz=config.emphasis_hz)
    if config.background_normalised:
        power_BTF = normalise_background(power_BTF)
    return power_BTF


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
