"""The frames of a baseline's clips, brought to mean 0 and deviation 1 by what the training part says.

Mean and deviation of all frames are part of a model: they are taken from the clips that it is trained on, never from
those that it is tested on, and stored with its weights.

Features are computed once for each clip and kept by the digest of its audio. Clips may lie in a remote storage, so that
they get a path for a block of them at a time.

Shapes: C channels, T frames, M mel bands.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from curation.audio.errors import AudioRefusedError
from curation.domain.progress import Progress, no_progress
from ml.features.config import FeatureConfig
from ml.features.store import FeatureStore
from ml.services.audio_features import content_key, store_features
from ml.services.baseline_clips import LONGEST_S, BaselineClip
from ml.training.clips import ClipFeatures
from ml.training.frame_file import write_frames

BLOCK_CLIPS = 2_048  # that lie on this machine's disk at once: under 2 GB of CochlScene's
TOLD_NAMES = 5  # of clips that cannot be decoded
IN_MEMORY_BYTES = 2 * 1024**3
LEAST_DEVIATION = 1e-3  # silence alone has none


@dataclass(frozen=True, kw_only=True)
class Normalisation:
    """Mean and deviation of the frames that a network was trained on."""

    mean: float
    deviation: float


def computed_features(
    clips: Sequence[BaselineClip],
    config: FeatureConfig,
    *,
    stores: Path,
    processes: int,
    device: str = "cpu",
    progress: Progress = no_progress,
) -> list[str]:
    """Compute the features that are not stored yet.

    Parameters
    ----------
    clips : sequence of BaselineClip
        Clips, at least one.
    config : FeatureConfig
        What to compute.
    stores : Path
        Folder of the feature stores.
    processes : int
        Processes that decode and compute, or threads that decode for an accelerator.
    device : str
        Where to compute.
    progress : Progress
        Told how many clips are done.

    Returns
    -------
    list of str
        Key of each clip in the store.

    Raises
    ------
    AudioRefusedError
        If a clip cannot be decoded.
    OSError
        If its audio is missing.
    """
    keys: list[str] = []
    for start in range(0, len(clips), BLOCK_CLIPS):
        with ExitStack() as stack:
            paths = [stack.enter_context(clip.audio()) for clip in clips[start : start + BLOCK_CLIPS]]
            added = [content_key(path) for path in paths]
            refused = store_features(
                paths,
                added,
                configs=[config],
                stores=stores,
                longest_s=LONGEST_S,
                processes=processes,
                device=device,
                progress=partial(_told, progress, start + len(added), len(clips)),
            )
        if refused:
            names = [clip.name for clip, key in zip(clips[start:], added, strict=False) if key in refused]
            first = next(iter(refused.values()))
            message = f"{len(names)} clips cannot be decoded ({', '.join(names[:TOLD_NAMES])}): {first.detail}"
            raise AudioRefusedError(first.reason, message)
        keys += added
        progress(len(keys), len(clips))
    return keys


def _told(progress: Progress, end: int, clips: int, done: int, total: int | None) -> None:
    """Pass on how far a block is that ends with clip `end`; what was stored before counts as done."""
    progress(end - (total or 0) + done, clips)


def normalisation_of(keys: Sequence[str], config: FeatureConfig, *, stores: Path) -> Normalisation:
    """Compute mean and deviation over all numbers of some clips' features, one clip in memory at a time."""
    count, total, square = 0, 0.0, 0.0
    with FeatureStore(stores, config) as store:
        for key in keys:
            x_CTM = store.get(key).double()
            count += x_CTM.numel()
            total += float(x_CTM.sum())
            square += float((x_CTM * x_CTM).sum())
    mean = total / count
    return Normalisation(mean=mean, deviation=max(max(square / count - mean * mean, 0.0) ** 0.5, LEAST_DEVIATION))


def normalised_clips(
    keys: Sequence[str],
    config: FeatureConfig,
    normalisation: Normalisation,
    *,
    label_N: Sequence[int],
    n_classes: int,
    stores: Path,
    scratch: Path,
    written: bool = False,
) -> ClipFeatures:
    """Join the features of clips.

    Parameters
    ----------
    keys : sequence of str
        Key of each clip in the store.
    config : FeatureConfig
        The features.
    normalisation : Normalisation
        What they are brought to mean 0 and deviation 1 by.
    label_N : sequence of int
        Class of each clip.
    n_classes : int
        Classes.
    stores : Path
        Folder of the feature stores.
    scratch : Path
        File that the frames are mapped from if they do not fit into memory.
    written : bool
        Whether another process has written that file; else it is written anew.

    Returns
    -------
    ClipFeatures
        The clips in the order of the keys.
    """
    with FeatureStore(stores, config) as store:

        def blocks() -> Iterator[NDArray[np.float32]]:
            for key in keys:
                yield ((store.get(key).float() - normalisation.mean) / normalisation.deviation).numpy()

        lengths = [store.get(key).shape[1] for key in keys]
        if 2 * sum(store.get(key).nbytes for key in keys) <= IN_MEMORY_BYTES:  # single precision takes twice as much
            return ClipFeatures.join(list(blocks()), label_N=label_N, n_classes=n_classes)
        if not written:
            write_frames(scratch, blocks(), total_frames=sum(lengths))
    return ClipFeatures.mapped(scratch, lengths, label_N=label_N, n_classes=n_classes)
