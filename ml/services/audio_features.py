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

import torch
from torch import Tensor

from curation.audio.decoder import Decoder
from curation.domain.progress import Progress, no_progress
from ml.features.config import FeatureConfig
from ml.features.extract import extract_clip
from ml.features.store import FeatureStore

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
) -> None:
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

    Raises
    ------
    AudioRefusedError
        If a recording cannot be decoded.
    StoreLockedError
        If another process adds to the same store.
    """
    wanted = {config.digest(): config for config in configs}
    with ExitStack() as stack:
        held = {digest: stack.enter_context(FeatureStore(stores, config)) for digest, config in wanted.items()}
        missing = {key for store in held.values() for key in store.missing(keys)}
        work = [(path, key) for key, path in dict(zip(keys, paths, strict=True)).items() if key in missing]
        done = 0
        for block in _computed(work, tuple(wanted.values()), longest_s, processes):
            for key, features in block:
                for digest, x_CTM in features.items():
                    if key not in held[digest]:
                        held[digest].add(key, x_CTM)
                done += 1
            progress(done, len(work))


def _computed(
    work: Sequence[tuple[Path, str]], configs: tuple[FeatureConfig, ...], longest_s: float, processes: int
) -> Iterator[list[tuple[str, dict[str, Tensor]]]]:
    blocks = [work[start : start + BLOCK] for start in range(0, len(work), BLOCK)]
    arguments = [(block, configs, longest_s) for block in blocks]
    if processes == 1 or len(blocks) == 1:
        yield from map(_block, arguments)
        return
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _alone) as pool:
        yield from pool.map(_block, arguments)


def _alone() -> None:
    torch.set_num_threads(1)


def _block(
    arguments: tuple[Sequence[tuple[Path, str]], tuple[FeatureConfig, ...], float],
) -> list[tuple[str, dict[str, Tensor]]]:
    work, configs, longest_s = arguments
    rates = sorted({config.sample_rate_hz for config in configs})
    found = []
    with Decoder() as decoder:
        for path, key in work:
            features = {}
            for rate in rates:
                decoded = decoder.decode(path, sample_rate_hz=rate, max_duration_s=longest_s)
                samples_N = torch.from_numpy(decoded.samples.astype("float32") * INT16_SCALE)
                for config in configs:
                    if config.sample_rate_hz == rate:
                        features[config.digest()] = extract_clip(samples_N, config)
            found.append((key, features))
    return found
