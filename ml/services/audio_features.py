"""From recordings to stored features.

Features are kept by the digest of a recording's bytes, so that a clip is decoded once whatever runs ask for it, also
under another name. Decoding is that of `curation.audio`, in its confined child; reading and computing happen in as many
processes as there are cores, writing in this one.
"""

from __future__ import annotations

import hashlib
import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from curation.audio.decoder import Decoder
from curation.audio.errors import AudioRefusedError
from curation.domain.progress import Progress, no_progress
from ml.features.config import FeatureConfig
from ml.features.extract import extract_clip
from ml.features.store import FeatureStore
from ml.recipes.local import work_alone

# Of one recording, by the digest of their configuration. Arrays, because torch would send its tensors from process to
# process through shared memory, of which containers often have little.
Features = dict[str, NDArray[np.float32]]
Found = list[tuple[str, Features | AudioRefusedError]]

BLOCK = 16  # clips that a process takes at a time
INT16_SCALE = 2.0**-15


def content_key(path: Path) -> str:
    """Return the digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def store_features(
    paths: Sequence[Path],
    keys: Sequence[str],
    *,
    configs: Sequence[FeatureConfig],
    stores: Path,
    longest_s: float,
    processes: int,
    progress: Progress = no_progress,
) -> dict[str, AudioRefusedError]:
    """Compute the features that are not stored yet.

    Parameters
    ----------
    paths, keys : sequence of Path, sequence of str
        Recordings, and the digest of each.
    configs : sequence of FeatureConfig
        Configurations wanted.
    stores : Path
        Folder of the stores.
    longest_s : float
        Longest recording that is decoded, in seconds.
    processes : int
        Processes that decode and compute.
    progress : Progress
        Told how many recordings are done.

    Returns
    -------
    dict of str to AudioRefusedError
        By digest, the recordings that cannot be decoded, and why; all others have features.

    Raises
    ------
    StoreLockedError
        If another process adds to the same store.
    """
    wanted = {config.digest(): config for config in configs}
    refused: dict[str, AudioRefusedError] = {}
    with ExitStack() as stack:
        held = {digest: stack.enter_context(FeatureStore(stores, config)) for digest, config in wanted.items()}
        missing = {key for store in held.values() for key in store.missing(keys)}
        work = [(path, key) for key, path in dict(zip(keys, paths, strict=True)).items() if key in missing]
        done = 0
        for block in _computed(work, tuple(wanted.values()), longest_s, processes):
            for key, found in block:
                if isinstance(found, AudioRefusedError):
                    refused[key] = found
                    continue
                for digest, x_CTM in found.items():
                    if key not in held[digest]:
                        held[digest].add(key, torch.from_numpy(x_CTM))
            done += len(block)
            progress(done, len(work))
    return refused


def _computed(
    work: Sequence[tuple[Path, str]], configs: tuple[FeatureConfig, ...], longest_s: float, processes: int
) -> Iterator[Found]:
    tasks = [_Task(work[start : start + BLOCK], configs, longest_s) for start in range(0, len(work), BLOCK)]
    if processes == 1 or len(tasks) <= 1:
        with Decoder() as decoder:
            yield from (_done(task, decoder) for task in tasks)
        return
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _begin) as pool:
        try:
            yield from pool.map(_done_here, tasks)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


class _Task(NamedTuple):
    work: Sequence[tuple[Path, str]]
    configs: tuple[FeatureConfig, ...]
    longest_s: float


_here: dict[str, Decoder] = {}  # of a process of the pool


def _begin() -> None:
    work_alone()
    _here["decoder"] = Decoder()


def _done_here(task: _Task) -> Found:
    return _done(task, _here["decoder"])


def _done(task: _Task, decoder: Decoder) -> Found:
    found: Found = []
    for path, key in task.work:
        try:
            found.append((key, _features(path, task, decoder)))
        except AudioRefusedError as error:
            found.append((key, error))
    return found


def _features(path: Path, task: _Task, decoder: Decoder) -> Features:
    features = {}
    for rate in sorted({config.sample_rate_hz for config in task.configs}):
        samples = decoder.samples(path, sample_rate_hz=rate, max_duration_s=task.longest_s)
        samples_N = torch.from_numpy(samples.astype(np.float32) * INT16_SCALE)
        for config in task.configs:
            if config.sample_rate_hz == rate:
                features[config.digest()] = extract_clip(samples_N, config).numpy()
    return features
