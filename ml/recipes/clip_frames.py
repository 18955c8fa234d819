"""The features of a run's clips, as the networks take them.

Features are computed once for each clip and configuration and kept in the stores of `ml.features.store`; a run joins
those of its clips in its own order. Networks want numbers around 0: the mean and the deviation of all frames of all
clips, test ones too, are taken off, one pair for the set, as Iqbal's system does. Numbers of an embedding have nothing
in common but their order: there each has a pair of its own. Labels play no part in that.

What fits is held in main memory; a larger set is written to a file once and mapped.

Shapes: C channels, T frames of all clips, M mel bands, N clips.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ml.features.embedding import EmbeddingConfig, InputConfig
from ml.features.store import FeatureStore
from ml.training.clips import ClipFeatures
from ml.training.frame_file import frames_first, write_frames

IN_MEMORY_BYTES = 1024**3  # of single precision, in each process; more is mapped from a file that all of them share
SINGLE_BYTES = 4
LEAST_DEVIATION = 1e-3  # of features in decibels; silence alone has none
LEAST_SHARE = 1e-3  # of the largest deviation among an embedding's numbers
SMALLEST = 1e-12  # where none of them ever moves


class FrameSource:
    """Joins stored features of the clips of a run.

    Parameters
    ----------
    stores : Path
        Folder of the feature stores.
    keys : sequence of str
        Digest of each clip's audio, in the order of the run.
    scratch : Path
        Folder for joined files that do not fit into memory.
    """

    def __init__(self, stores: Path, keys: Sequence[str], *, scratch: Path) -> None:
        self._stores, self._keys, self._scratch = stores, tuple(keys), scratch
        self._held: tuple[str, ClipFeatures, float] | None = None  # of one configuration, with its least number

    def clips(self, config: InputConfig, *, n_classes: int, padded: bool) -> ClipFeatures:
        """Return the features of all clips under one configuration, normalised, without labels.

        Parameters
        ----------
        config : FeatureConfig or EmbeddingConfig
            The configuration.
        n_classes : int
            Number of classes.
        padded : bool
            Put the least number of the set beside clips that are shorter than an excerpt, instead of repeating them.

        Raises
        ------
        KeyError
            If a clip's features were not computed.
        """
        # One at a time: members of an ensemble are trained one after the other.
        if self._held is None or self._held[0] != config.digest():
            joined = self._joined(config, n_classes)
            self._held = config.digest(), joined, float(joined.x_TMC.min())
        _, clips, least = self._held
        return replace(clips, padding_value=least if padded else None)

    def _joined(self, config: InputConfig, n_classes: int) -> ClipFeatures:
        label_N = np.full(len(self._keys), -1)
        with FeatureStore(self._stores, config) as store:
            mean, deviation = _moments(store, self._keys, apart=isinstance(config, EmbeddingConfig))

            def blocks() -> Iterator[NDArray[np.float32]]:
                for key in self._keys:
                    yield ((store.get(key).float() - mean) / deviation).numpy()

            lengths = [store.get(key).shape[1] for key in self._keys]
            if sum(store.get(key).numel() for key in self._keys) * SINGLE_BYTES <= IN_MEMORY_BYTES:
                channels, _, bands = store.get(self._keys[0]).shape
                x_TMC, end = np.empty((sum(lengths), bands, channels), dtype=np.float32), 0
                for block in blocks():  # straight to its place: a list of blocks would need as much again
                    x_TMC[end : end + block.shape[1]] = frames_first(block)
                    end += block.shape[1]
                return ClipFeatures.of_frames(torch.from_numpy(x_TMC), lengths, label_N=label_N, n_classes=n_classes)
            path = self._scratch / f"{config.name}-{config.digest()}.npy"
            with path.with_suffix(".lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)  # one process writes what all of them map
                if not path.exists():
                    temporary = path.with_suffix(".part.npy")
                    write_frames(temporary, blocks(), total_frames=sum(lengths))
                    temporary.replace(path)
        return ClipFeatures.mapped(path, lengths, label_N=label_N, n_classes=n_classes)


def _moments(store: FeatureStore, keys: Sequence[str], *, apart: bool) -> tuple[Tensor | float, Tensor | float]:
    """Return mean and deviation of all numbers, or of each band, by one pass that holds one clip at a time."""
    if apart:
        return _band_moments(store, keys)
    count, total, square = 0, 0.0, 0.0
    for key in keys:
        x_CTM = store.get(key).double()
        count += x_CTM.numel()
        total += float(x_CTM.sum())
        square += float((x_CTM * x_CTM).sum())
    mean = total / count
    return mean, max((max(square / count - mean * mean, 0.0)) ** 0.5, LEAST_DEVIATION)


def _band_moments(store: FeatureStore, keys: Sequence[str]) -> tuple[Tensor, Tensor]:
    count, total_M, square_M = 0, torch.zeros(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    for key in keys:
        x_XM = store.get(key).double().flatten(end_dim=-2)
        count += len(x_XM)
        total_M, square_M = total_M + x_XM.sum(dim=0), square_M + (x_XM * x_XM).sum(dim=0)
    mean_M = total_M / count
    deviation_M = (square_M / count - mean_M * mean_M).clamp(min=0).sqrt()
    # A number that hardly ever moves would otherwise be all rounding errors.
    least = max(LEAST_SHARE * float(deviation_M.max()), SMALLEST)
    return mean_M.float(), deviation_M.clamp(min=least).float()
