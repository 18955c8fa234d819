"""From recordings to stored features, spectrograms or embeddings of pretrained trunks.

Features are kept by the digest of a recording's bytes, so that a clip is decoded once whatever runs ask for it, also
under another name. Decoding is that of `curation.audio`, in its confined child. Without an accelerator, reading and
computing happen in as many processes as there are cores, with one in batches on it (`ml.services.batched_features`);
writing happens in this one.
"""

from __future__ import annotations

import hashlib
import multiprocessing
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import torch

from curation.audio.decoder import Decoder
from curation.audio.errors import AudioRefusedError
from curation.domain.progress import Progress, no_progress
from ml.features.config import FeatureConfig
from ml.features.embedding import EmbeddingConfig, InputConfig, clip_excerpts
from ml.features.extract import extract_clip
from ml.features.store import FeatureStore
from ml.networks.waveform_trunk import WaveformTrunk
from ml.recipes.local import work_alone
from ml.services.batched_features import computed_in_batches
from ml.services.decoded_samples import Features, Found, decoded_samples
from ml.training.threads import in_one_thread

BLOCK = 16  # clips that a process takes at a time


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
    device: str = "cpu",
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
        Processes that decode and compute, or threads that decode for an accelerator.
    device : str
        Where to compute.
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
    different = {config.digest(): config for config in configs}
    asked = _Asked(configs=tuple(different.values()), longest_s=longest_s, device=device)
    return _store(paths, keys, asked, stores=stores, processes=processes, progress=progress)


def store_embeddings(
    paths: Sequence[Path],
    keys: Sequence[str],
    *,
    trunks: Mapping[EmbeddingConfig, Path],
    stores: Path,
    longest_s: float,
    processes: int,
    device: str = "cpu",
    progress: Progress = no_progress,
) -> dict[str, AudioRefusedError]:
    """Compute the embeddings that are not stored yet.

    Parameters
    ----------
    paths, keys, stores, longest_s, progress
        As in `store_features`.
    trunks : mapping of EmbeddingConfig to Path
        Trunks wanted, and the file of each.
    processes : int
        Processes that decode and compute, each with the trunks in its memory; an accelerator has one.
    device : str
        Where trunks compute.

    Returns
    -------
    dict of str to AudioRefusedError
        As in `store_features`.

    Raises
    ------
    ValueError
        If a trunk cannot be read, is another file than its configuration says, or gives no embeddings of a recording.
    StoreLockedError
        If another process adds to the same store.
    """
    files = {config.digest(): path for config, path in trunks.items()}
    asked = _Asked(configs=tuple(trunks), longest_s=longest_s, files=files, device=device)
    processes = processes if device == "cpu" else 1
    return _store(paths, keys, asked, stores=stores, processes=processes, progress=progress)


def _store(
    paths: Sequence[Path],
    keys: Sequence[str],
    asked: _Asked,
    *,
    stores: Path,
    processes: int,
    progress: Progress,
) -> dict[str, AudioRefusedError]:
    wanted = {config.digest(): config for config in asked.configs}
    refused: dict[str, AudioRefusedError] = {}
    with ExitStack() as stack:
        stack.enter_context(in_one_thread(asked.device))  # as in the processes of a pool: the numbers are the same
        held = {digest: stack.enter_context(FeatureStore(stores, config)) for digest, config in wanted.items()}
        missing = {key for store in held.values() for key in store.missing(keys)}
        work = [(path, key) for key, path in dict(zip(keys, paths, strict=True)).items() if key in missing]
        done = 0
        for block in _computed(work, asked, processes):
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


@dataclass(frozen=True, eq=False, kw_only=True)
class _Asked:
    """What is to be computed of each recording."""

    configs: tuple[InputConfig, ...]
    longest_s: float
    files: Mapping[str, Path] = field(default_factory=dict)  # of trunks, by the digest of their configuration
    device: str = "cpu"


def _computed(work: Sequence[tuple[Path, str]], asked: _Asked, processes: int) -> Iterator[Found]:
    features = [config for config in asked.configs if isinstance(config, FeatureConfig)]
    if torch.device(asked.device).type != "cpu" and features:  # trunks come alone
        device = torch.device(asked.device)
        yield from computed_in_batches(work, features, longest_s=asked.longest_s, threads=processes, device=device)
        return
    blocks = [work[start : start + BLOCK] for start in range(0, len(work), BLOCK)]
    if processes == 1 or len(blocks) <= 1:
        with Decoder() as decoder:
            listener = _Listener(asked, decoder)
            yield from (listener.heard(block) for block in blocks)
        return
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _begin, (asked,)) as pool:
        try:
            yield from pool.map(_heard_here, blocks)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


_here: dict[str, _Listener] = {}  # of a process of the pool


def _begin(asked: _Asked) -> None:
    work_alone()
    _here["listener"] = _Listener(asked, Decoder())


def _heard_here(block: Sequence[tuple[Path, str]]) -> Found:
    return _here["listener"].heard(block)


class _Listener:
    """Decodes recordings and computes what was asked for; keeps the trunks that it has read."""

    def __init__(self, asked: _Asked, decoder: Decoder) -> None:
        self._asked, self._decoder = asked, decoder
        self._trunks: dict[str, WaveformTrunk] = {}

    def heard(self, block: Sequence[tuple[Path, str]]) -> Found:
        """Compute the features of some recordings."""
        found: Found = []
        for path, key in block:
            try:
                found.append((key, self._features(path)))
            except AudioRefusedError as error:
                found.append((key, error))
        return found

    def _features(self, path: Path) -> Features:
        features = {}
        configs = self._asked.configs
        for rate in sorted({config.sample_rate_hz for config in configs}):
            samples_N = decoded_samples(path, self._decoder, sample_rate_hz=rate, longest_s=self._asked.longest_s)
            for config in configs:
                if config.sample_rate_hz == rate:
                    features[config.digest()] = self._of_samples(samples_N, config, path).numpy()
        return features

    def _of_samples(self, samples_N: torch.Tensor, config: InputConfig, path: Path) -> torch.Tensor:
        if isinstance(config, FeatureConfig):
            return extract_clip(samples_N, config)
        digest = config.digest()
        if digest not in self._trunks:
            self._trunks[digest] = WaveformTrunk(
                self._asked.files[digest], digest=config.trunk_digest, device=self._asked.device
            )
        try:
            return self._trunks[digest].embeddings(clip_excerpts(samples_N, config))[None]
        except ValueError as error:
            message = f"{path.name}: {error}"
            raise ValueError(message) from error
