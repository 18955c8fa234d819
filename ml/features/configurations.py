"""The features of each paper, by name, and our own.

What a paper says is taken from it; what it leaves open is marked "ours", with the authors' published program as the
first place to look. Where papers are hard to read:

* CochlScene speaks of 40 mel bands in its text and of 128 in its table II. Only 128 bands give the table's shapes and
  its 116,821 parameters, so that 128 it is. The table's 499 frames are whole windows only.
* Nguyen's "maximum frequency of 18000 kHz" is read as Hz.
* ICME 2024's 500 frames of 10 s at a hop of 20 ms are neither all centred frames (501) nor all whole windows (499):
  one frame for each hop.
* Both spectrograms of Dorfer and Widmer are levels of the FFT bins, filtered afterwards, in the order of the text. The
  authors' program does so for version 1; for version 2 it filters magnitudes and takes the logarithm last.
* Jeong and Lim compute log-mel inside the network, from mixed waveforms. Their features here are those of a clip.
* The two microphones of DCASE 2020 task 1b make six channels: extract each and join them along the channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from ml.features.config import FeatureConfig
from ml.features.segments import SilenceSplit

__all__ = ["CONFIGURATIONS", "FeatureConfig"]

_COCHLSCENE = FeatureConfig(
    name="cochlscene",
    source="Jeong and Park, CochlScene, IV.A and table II: window 40 ms, hop 20 ms, 128 bands, 499 frames, kapre. "
    "Ours: kapre's defaults (magnitudes, floor of 80 dB, Slaney), range up to half the sample rate.",
    sample_rate_hz=44_100,
    n_fft=1764,
    win_length=1764,
    hop_length=882,
    n_bands=128,
    fmin_hz=0.0,
    fmax_hz=22_050.0,
    framing="uncentred",
    exponent=1,
    amin=1e-5,
    top_db=80.0,
)

_FSDKAGGLE2018 = FeatureConfig(
    name="fsdkaggle2018",
    source="Fonseca et al., DCASE 2018, section 4: window 25 ms, hop 10 ms, 64 bands, magnitudes, small offset. Of the "
    "release that it names: 125 to 7500 Hz, HTK without norm, natural logarithm, offset 0.001, whole windows.",
    sample_rate_hz=44_100,
    n_fft=2048,
    win_length=1102,
    hop_length=441,
    n_bands=64,
    fmin_hz=125.0,
    fmax_hz=7500.0,
    scale="mel_htk",
    mel_norm=None,
    framing="uncentred",
    exponent=1,
    level="ln",
    offset=1e-3,
)

_NGUYEN = FeatureConfig(
    name="nguyen",
    source="Nguyen et al., DCASE 2018, sections 2, 2.1 and 2.3: 1024-point FFT, half overlap, 96 bands to 18 kHz, "
    "librosa; trimmed, frames below the 10th percentile removed. Ours: librosa's defaults (60 dB, 80 dB, from 0 Hz).",
    sample_rate_hz=44_100,
    n_fft=1024,
    win_length=1024,
    hop_length=512,
    n_bands=96,
    fmin_hz=0.0,
    fmax_hz=18_000.0,
    top_db=80.0,
    trim_db=60.0,
    drop_quiet_percentile=10.0,
)

_NGUYEN_BACKGROUND = replace(
    _NGUYEN,
    name="nguyen-background",
    source=f"{_NGUYEN.source} With equation 1 of section 2.2 on the bins.",
    background_normalised=True,
)

_DORFER_1 = FeatureConfig(
    name="dorfer-1",
    source="Dorfer and Widmer, DCASE 2018, section 2, version 1: 32 kHz, window 1024, hop 192, perceptual weighting, "
    "128 mel bands; peak at -0.1 dB, silence clipped. Of their program: floor of 99 dB, 0.15 % is silence. Ours: "
    "that is 56.5 dB below the loudest frame, not below full scale; Slaney up to half the sample rate.",
    sample_rate_hz=32_000,
    n_fft=1024,
    win_length=1024,
    hop_length=192,
    n_bands=128,
    fmin_hz=0.0,
    fmax_hz=16_000.0,
    level_on="bins",
    perceptual=True,
    top_db=99.0,
    peak_dbfs=-0.1,
    trim_db=56.5,
)

_DORFER_2 = replace(
    _DORFER_1,
    name="dorfer-2",
    source="Dorfer and Widmer, DCASE 2018, section 2, version 2: hop 128, logarithm of power, then a logarithmic "
    "filterbank of 128 bands. Of their write-up: 26 notes an octave, 20 Hz to 14 kHz. Ours: decibels, floor of 99 dB.",
    hop_length=128,
    fmin_hz=20.0,
    fmax_hz=14_000.0,
    scale="log_frequency",
    bands_per_octave=26,
    perceptual=False,
)

_IQBAL_A = FeatureConfig(
    name="iqbal-a",
    source="Iqbal et al., DCASE 2018, sections 3.1, 3.2 and table 1, configuration A: 32 kHz, window 1024, hop 512, 64 "
    "bands, split at silence. Of their program: decibels below the maximum, no floor, Slaney.",
    sample_rate_hz=32_000,
    n_fft=1024,
    win_length=1024,
    hop_length=512,
    n_bands=64,
    fmin_hz=0.0,
    fmax_hz=16_000.0,
    reference="clip_maximum",
    split=SilenceSplit(),
)

_IQBAL_B = replace(
    _IQBAL_A,
    name="iqbal-b",
    source="Iqbal et al., DCASE 2018, sections 3.1, 3.2 and table 1, configuration B: window 512, hop 256, else as A.",
    n_fft=512,
    win_length=512,
    hop_length=256,
)

_JEONG_44K = FeatureConfig(
    name="jeong-44k",
    source="Jeong and Lim, DCASE 2018, sections 3.1 and 3.2.1: window 1024, hop 128, 64 bands, kapre, 64,000 samples "
    "at 16, 32 or 44.1 kHz. Ours: kapre's defaults (below the maximum, floor of 80 dB, a frame for each hop), power.",
    sample_rate_hz=44_100,
    n_fft=1024,
    win_length=1024,
    hop_length=128,
    n_bands=64,
    fmin_hz=0.0,
    fmax_hz=22_050.0,
    framing="per_hop",
    reference="clip_maximum",
    top_db=80.0,
)
_JEONG_32K = replace(_JEONG_44K, name="jeong-32k", sample_rate_hz=32_000, fmax_hz=16_000.0)
_JEONG_16K = replace(_JEONG_44K, name="jeong-16k", sample_rate_hz=16_000, fmax_hz=8000.0)

_KONG = FeatureConfig(
    name="kong",
    source="Kong et al., DCASE 2018, section 4: 64 bands from 50 Hz, logarithm. Of their program: 32 kHz, window 2048, "
    "hop 1024, whole windows, magnitudes, natural logarithm, offset 1e-8. Ours: Hann window, where it has Hamming.",
    sample_rate_hz=32_000,
    n_fft=2048,
    win_length=2048,
    hop_length=1024,
    n_bands=64,
    fmin_hz=50.0,
    fmax_hz=16_000.0,
    framing="uncentred",
    exponent=1,
    level="ln",
)

_DCASE2020_1A = FeatureConfig(
    name="dcase2020-1a",
    source="Hu et al., DCASE 2020, section 5.1: window 2048, hop 1024, 128 HTK bands, deltas without padding, scaled "
    "to 0 to 1; 431 frames become 423. Of their program: no norm, natural logarithm, offset 1e-8. Ours: "
    "scaled by clip and channel.",
    sample_rate_hz=44_100,
    n_fft=2048,
    win_length=2048,
    hop_length=1024,
    n_bands=128,
    fmin_hz=0.0,
    fmax_hz=22_050.0,
    scale="mel_htk",
    mel_norm=None,
    level="ln",
    deltas="unpadded",
    unit_range=True,
)
_DCASE2020_1B = replace(_DCASE2020_1A, name="dcase2020-1b", sample_rate_hz=48_000, fmax_hz=24_000.0)

_ICME2024 = FeatureConfig(
    name="icme2024",
    source="Bai et al., ICME 2024, section 3.3: 44.1 kHz, Hann window of 40 ms, hop 20 ms, 64 bands, 500 frames. Of "
    "the baseline's program: FFT of 2048, from 10 Hz, magnitudes, floor of 80 dB.",
    sample_rate_hz=44_100,
    n_fft=2048,
    win_length=1764,
    hop_length=882,
    n_bands=64,
    fmin_hz=10.0,
    fmax_hz=22_050.0,
    framing="per_hop",
    exponent=1,
    top_db=80.0,
)

_VGG16 = FeatureConfig(
    name="vgg16-log-frequency",
    source="Schuchardt, blog, 2019: log-frequency power spectrogram, emphasis with 1485 Hz, logarithm of the power. Of "
    "the author's program: 256 bands from 10 Hz, 24 an octave, hop 1024. Ours: made of an FFT of 8192, floor of 80 dB.",
    sample_rate_hz=48_000,
    n_fft=8192,
    win_length=8192,
    hop_length=1024,
    n_bands=256,
    fmin_hz=10.0,
    fmax_hz=10.0 * 2.0 ** (255 / 24),
    scale="log_frequency",
    emphasis_hz=1485.0,
    top_db=80.0,
)

_EARMARK = FeatureConfig(
    name="earmark",
    source="Ours: 64 Slaney bands from 50 Hz, window 25 ms, hop 10 ms, floor of 80 dB below the clip's maximum, "
    "silence more than 60 dB below the loudest frame trimmed.",
    sample_rate_hz=32_000,
    n_fft=1024,
    win_length=800,
    hop_length=320,
    n_bands=64,
    fmin_hz=50.0,
    fmax_hz=16_000.0,
    top_db=80.0,
    trim_db=60.0,
)

CONFIGURATIONS: Mapping[str, FeatureConfig] = MappingProxyType(
    {
        config.name: config
        for config in (
            *(_COCHLSCENE, _FSDKAGGLE2018, _NGUYEN, _NGUYEN_BACKGROUND, _DORFER_1, _DORFER_2, _IQBAL_A, _IQBAL_B),
            *(_JEONG_16K, _JEONG_32K, _JEONG_44K, _KONG, _DCASE2020_1A, _DCASE2020_1B, _ICME2024, _VGG16, _EARMARK),
        )
    }
)
