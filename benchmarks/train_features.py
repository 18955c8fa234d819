"""Features' times real time, from decoded samples in main memory to log-mel on the device.

The peer is what most people write: librosa, one clip after the other, on one core. Where librosa cannot be imported,
its place takes the same with `torch.stft`, and the table says so.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from importlib.util import find_spec
from time import perf_counter

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from train_machine import Machine

from ml.features.config import FeatureConfig
from ml.features.configurations import CONFIGURATIONS
from ml.features.extract import extract_batch
from ml.features.mel import mel_filterbank

CLIP_S = 10.0  # CochlScene's
CLIPS = {"cuda": 128, "cpu": 4}
INT16_SCALE = 2.0**-15
PEER_CALLS = 5

LogMel = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def measure_features(name: str, machine: Machine) -> tuple[float, float]:
    """Return seconds of audio done per second on the machine, and by the peer on one core."""
    config = CONFIGURATIONS[name]
    samples_BN = noise(CLIPS[machine.device.type], config.sample_rate_hz)
    if machine.accelerated:
        samples_BN = samples_BN.pin_memory()

    def extracted() -> object:
        return extract_batch(samples_BN.to(machine.device, non_blocking=True).float() * INT16_SCALE, config)

    ours = len(samples_BN) * CLIP_S / machine.seconds(extracted)
    work, clip_N = plain_log_mel(config), samples_BN[0].numpy().astype(np.float32) * INT16_SCALE
    work(clip_N)
    seconds = []
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for _ in range(PEER_CALLS):
        start = perf_counter()
        work(clip_N)
        seconds.append(perf_counter() - start)
    torch.set_num_threads(threads)
    return ours, CLIP_S / statistics.median(seconds)


def noise(clips: int, sample_rate_hz: int) -> Tensor:
    """Make 16-bit clips that no two are alike."""
    drawn = torch.Generator().manual_seed(2)
    return torch.randint(-8000, 8000, (clips, round(CLIP_S * sample_rate_hz)), generator=drawn, dtype=torch.int16)


def peer_name() -> str:
    """Return what stands for the plain way here."""
    return "librosa" if find_spec("librosa") else "torch.stft (librosa is not installed)"


def plain_log_mel(config: FeatureConfig) -> LogMel:
    """Return the log-mel that most people would write with a configuration's window, hop and bands.

    Parameters
    ----------
    config : FeatureConfig
        Sizes; what goes beyond them (trimming, noise, deltas) is left out.

    Returns
    -------
    callable
        From samples [shape=(n,)] to levels [shape=(bands, frames)] in decibels.
    """
    centred = config.framing == "centred"
    if find_spec("librosa"):
        import librosa  # noqa: PLC0415 -- an optional peer

        def by_librosa(samples_N: NDArray[np.float32]) -> NDArray[np.float32]:
            power_MT = librosa.feature.melspectrogram(
                y=samples_N,
                sr=config.sample_rate_hz,
                n_fft=config.n_fft,
                win_length=config.win_length,
                hop_length=config.hop_length,
                n_mels=config.n_bands,
                fmin=config.fmin_hz,
                fmax=config.fmax_hz,
                center=centred,
            )
            level_MT: NDArray[np.float32] = librosa.power_to_db(power_MT)
            return level_MT

        return by_librosa
    bank_FM = mel_filterbank(
        sample_rate_hz=config.sample_rate_hz,
        n_fft=config.n_fft,
        n_bands=config.n_bands,
        fmin_hz=config.fmin_hz,
        fmax_hz=config.fmax_hz,
        scale="mel_slaney",
        norm="slaney",
        device=torch.device("cpu"),
    ).float()
    window = torch.hann_window(config.win_length)

    def by_torch(samples_N: NDArray[np.float32]) -> NDArray[np.float32]:
        bins_FT = torch.stft(
            torch.from_numpy(samples_N),
            config.n_fft,
            config.hop_length,
            config.win_length,
            window,
            center=centred,
            return_complex=True,
        )
        level_MT: NDArray[np.float32] = (
            10 * (bank_FM.T @ bins_FT.abs().square()).clamp(min=config.amin).log10()
        ).numpy()
        return level_MT

    return by_torch
