"""Pretrained trunks of a run on the machine at hand: tried, and known by the configuration of their embeddings.

Called by workers and by `verify_labels --manifest` alone: this imports torch.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ml.features.embedding import EmbeddingConfig
from ml.networks.waveform_trunk import TRIED, WaveformTrunk
from ml.services.trunk_files import TrunkDescription, distinct
from ml.training.threads import in_one_thread


def tried_trunk(trunk: TrunkDescription, path: Path) -> TrunkDescription:
    """Try a trunk on noise, and say how many numbers its embeddings have.

    Parameters
    ----------
    trunk : TrunkDescription
        What is known of it.
    path : Path
        Its file.

    Returns
    -------
    TrunkDescription
        The same with `numbers`.

    Raises
    ------
    ValueError
        If the file cannot be read, is another one than was described, or gives no embeddings; the message names it and
        the remedy.
    """
    return replace(
        trunk, numbers=WaveformTrunk(path, digest=trunk.digest).tried(round(trunk.window_s * trunk.sample_rate_hz))
    )


def embedding_config(trunk: TrunkDescription) -> EmbeddingConfig:
    """Return the configuration of the embeddings of a trunk that was tried."""
    return EmbeddingConfig(
        file=trunk.name,
        trunk_digest=trunk.digest,
        sample_rate_hz=trunk.sample_rate_hz,
        window_length=round(trunk.window_s * trunk.sample_rate_hz),
        hop_length=round(trunk.hop_s * trunk.sample_rate_hz),
        n_bands=trunk.numbers,
    )


def given_trunks(paths: Sequence[Path]) -> dict[EmbeddingConfig, Path]:
    """Describe and try trunks that are given as files.

    Raises
    ------
    ValueError
        If one cannot be used; the message names the file and the remedy.
    """
    found = zip(distinct([TrunkDescription.of(path) for path in paths]), paths, strict=True)
    return {embedding_config(tried_trunk(trunk, path)): path for trunk, path in found}


def seconds_per_excerpt(path: Path, config: EmbeddingConfig, *, device: str) -> float:
    """Time a trunk on one excerpt, in one thread, as processes of a pool hear them.

    Raises
    ------
    ValueError
        As of `tried_trunk`.
    """
    trunk = WaveformTrunk(path, digest=config.trunk_digest, device=device)
    with in_one_thread():
        trunk.tried(config.window_length)  # the first sets everything up
        begun = time.perf_counter()
        trunk.tried(config.window_length)
        return (time.perf_counter() - begun) / TRIED
