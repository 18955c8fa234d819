"""Features of a dataset's clips, from wherever its audio lies.

Only clips whose features no run has computed yet are read. Audio in an object store is copied here in blocks, so that a
dataset that is larger than this machine's disk can be gone through.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from curation.audio.errors import AudioRefusedError
from curation.domain.policy import MAX_CLIP_S
from curation.domain.progress import Progress
from curation.models import Clip
from curation.services.audio_store import local_copy
from curation.services.jobs import JobFailedError
from ml.features.config import FeatureConfig
from ml.features.embedding import EmbeddingConfig, InputConfig
from ml.features.store import FeatureStore, StoreLockedError
from ml.services.audio_features import store_embeddings, store_features
from ml.services.candidate_snapshot import Snapshot

BLOCK_CLIPS = 1_024
LOOK_S = 2.0
TOLD_FAULTS = 5


class FindTrunks(Protocol):
    """Says where the files of trunks are, or why they cannot be used."""

    def __call__(self, configs: Collection[EmbeddingConfig]) -> Mapping[EmbeddingConfig, Path]:
        """Return the file of each trunk; only those are asked for that have something to hear."""


def compute_features(
    snapshot: Snapshot,
    *,
    configs: Sequence[InputConfig],
    stores: Path,
    progress: Progress,
    find_trunks: FindTrunks,
    device: str,
) -> int:
    """Compute the features that are missing.

    Parameters
    ----------
    snapshot : Snapshot
        The clips.
    configs : sequence of FeatureConfig or EmbeddingConfig
        Configurations wanted.
    stores : Path
        Folder of the stores.
    progress : Progress
        Told how far the clips are that were missing, once for features and once for embeddings; an error that it raises
        stops the work, and what is done stays.
    find_trunks : FindTrunks
        Asked for the files of trunks whose embeddings are missing, before anything is computed.
    device : str
        Where to compute.

    Returns
    -------
    int
        Clips that were missing.

    Raises
    ------
    JobFailedError
        If the audio of a clip is missing or cannot be decoded, or a trunk gives no embeddings of it.
    """
    keys = snapshot.candidates.key_N
    lacking = {config: set(FeatureStore(stores, config).missing(keys)) for config in dict.fromkeys(configs)}
    missing = set[str]().union(*lacking.values())
    trunks = find_trunks([config for config, those in lacking.items() if those and isinstance(config, EmbeddingConfig)])
    places = np.array([place for place, key in enumerate(keys) if key in missing], dtype=np.int64)
    passes = _passes([config for config in configs if isinstance(config, FeatureConfig)], trunks, stores, device)
    total = len(places) * len(passes)
    progress(0, total)
    refused: list[str] = []
    for start in range(0, len(places), BLOCK_CLIPS):
        block = places[start : start + BLOCK_CLIPS]
        found = Clip.objects.in_bulk(snapshot.clip_N[block].tolist())
        clips = {keys[place]: found[int(snapshot.clip_N[place])] for place in block.tolist()}
        faults = _stored(clips, passes, progress, start * len(passes), total)
        refused += [f"{clips[key].name}: {fault}" for key, fault in faults.items()]
    if refused:
        more = f" and {len(refused) - TOLD_FAULTS} more" if len(refused) > TOLD_FAULTS else ""
        message = f"The audio of {len(refused)} clips cannot be used. {'; '.join(refused[:TOLD_FAULTS])}{more}"
        raise JobFailedError(message)
    return len(places)


class _Pass(Protocol):
    """Stores features of one kind of some recordings."""

    def __call__(
        self, paths: Sequence[Path], keys: Sequence[str], *, progress: Progress
    ) -> Mapping[str, AudioRefusedError]:
        """Return the recordings that cannot be decoded."""


def _passes(
    configs: Sequence[FeatureConfig], trunks: Mapping[EmbeddingConfig, Path], stores: Path, device: str
) -> list[_Pass]:
    shared: dict[str, Any] = {
        "stores": stores,
        "longest_s": MAX_CLIP_S,
        "processes": len(os.sched_getaffinity(0)),
        "device": device,
    }
    passes: list[_Pass] = [partial(store_features, configs=configs, **shared)]
    return [*passes, partial(store_embeddings, trunks=trunks, **shared)] if trunks else passes


def _stored(
    clips: dict[str, Clip], passes: Sequence[_Pass], progress: Progress, before: int, total: int
) -> dict[str, str]:
    """Store the features of a block and return what is wrong with clips; wait while another run adds to a store."""
    faults: dict[str, str] = {}
    paths: dict[str, Path] = {}
    with ExitStack() as stack:
        for key, clip in clips.items():
            try:
                paths[key] = stack.enter_context(local_copy(clip.audio_key))
            except FileNotFoundError as error:
                faults[key] = str(error)
        for number, store in enumerate(passes):
            told = _shifted(progress, before + number * len(clips), total)
            faults |= {key: error.detail for key, error in _waited(store, paths, told).items()}
            for key in faults:
                paths.pop(key, None)
    return faults


def _waited(store: _Pass, paths: Mapping[str, Path], progress: Progress) -> Mapping[str, AudioRefusedError]:
    while True:
        try:
            return store(list(paths.values()), list(paths), progress=progress)
        except StoreLockedError:
            progress(0, None)
            time.sleep(LOOK_S)
        except ValueError as error:  # a trunk's, which would come again
            raise JobFailedError(str(error)) from error


def _shifted(progress: Progress, before: int, of_all: int) -> Progress:
    def told(done: int, total: int | None) -> None:  # noqa: ARG001 -- that of the block
        progress(before + done, of_all)

    return told
