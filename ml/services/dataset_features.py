"""Features of a dataset's clips, from wherever its audio lies.

Only clips whose features no run has computed yet are read. Audio in an object store is copied here in blocks, so that a
dataset that is larger than this machine's disk can be gone through.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from curation.domain.policy import MAX_CLIP_S
from curation.domain.progress import Progress
from curation.models import Clip
from curation.services.audio_store import local_copy
from curation.services.jobs import JobFailedError
from ml.features.config import FeatureConfig
from ml.features.store import FeatureStore, StoreLockedError
from ml.services.audio_features import store_features
from ml.services.candidate_snapshot import Snapshot

BLOCK_CLIPS = 1_024
LOOK_S = 2.0
TOLD_FAULTS = 5


def compute_features(snapshot: Snapshot, *, configs: Sequence[FeatureConfig], stores: Path, progress: Progress) -> int:
    """Compute the features that are missing.

    Parameters
    ----------
    snapshot : Snapshot
        The clips.
    configs : sequence of FeatureConfig
        Configurations wanted.
    stores : Path
        Folder of the stores.
    progress : Progress
        Told the clips done of those that were missing; an error that it raises stops the work, and what is done stays.

    Returns
    -------
    int
        Clips that were missing.

    Raises
    ------
    JobFailedError
        If the audio of a clip is missing or cannot be decoded.
    """
    keys = snapshot.candidates.key_N
    missing = set[str]()
    for config in {config.digest(): config for config in configs}.values():
        missing |= set(FeatureStore(stores, config).missing(keys))
    places = np.array([place for place, key in enumerate(keys) if key in missing], dtype=np.int64)
    progress(0, len(places))
    processes = len(os.sched_getaffinity(0))
    refused: list[str] = []
    for start in range(0, len(places), BLOCK_CLIPS):
        block = places[start : start + BLOCK_CLIPS]
        found = Clip.objects.in_bulk(snapshot.clip_N[block].tolist())
        clips = {keys[place]: found[int(snapshot.clip_N[place])] for place in block.tolist()}
        faults = _stored(clips, configs, stores, processes, _shifted(progress, start, len(places)))
        refused += [f"{clips[key].name}: {fault}" for key, fault in faults.items()]
    if refused:
        more = f" and {len(refused) - TOLD_FAULTS} more" if len(refused) > TOLD_FAULTS else ""
        message = f"The audio of {len(refused)} clips cannot be used. {'; '.join(refused[:TOLD_FAULTS])}{more}"
        raise JobFailedError(message)
    return len(places)


def _stored(
    clips: dict[str, Clip], configs: Sequence[FeatureConfig], stores: Path, processes: int, progress: Progress
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
        while True:
            try:
                refused = store_features(
                    list(paths.values()),
                    list(paths),
                    configs=configs,
                    stores=stores,
                    longest_s=MAX_CLIP_S,
                    processes=processes,
                    progress=progress,
                )
            except StoreLockedError:
                progress(0, None)
                time.sleep(LOOK_S)
            else:
                return faults | {key: error.detail for key, error in refused.items()}


def _shifted(progress: Progress, before: int, of_all: int) -> Progress:
    def told(done: int, total: int | None) -> None:  # noqa: ARG001 -- that of the block
        progress(before + done, of_all)

    return told
