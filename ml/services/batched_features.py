"""Features of recordings, computed on an accelerator in batches while threads decode the next ones.

Each thread has a decoder, whose child process does the work, brings a clip to its level and cuts its silence; that is
a clip's own affair and cheap. What is left of some clips goes to the device at once. A batch holds clips of similar
length, since each takes the memory of its longest, and as many as `BATCH_SAMPLES` allows. Where the device has not that
much memory, batches are halved and the work goes on; a clip that alone is too much for it is computed here.

The features are those that each clip has alone (`ml.features.extract.extract_ragged`).
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import torch
from torch import Tensor

from curation.audio.decoder import Decoder
from curation.audio.errors import AudioRefusedError
from ml.features.config import FeatureConfig
from ml.features.extract import extract_ragged, prepared_parts
from ml.services.decoded_samples import Features, Found, decoded_samples

log = logging.getLogger(__name__)

# Of the longest clip times the clips. A spectrum of doubles takes 16 bytes a sample at half overlap and what is made of
# it as much again some times: 2 to 4 GB.
BATCH_SAMPLES = 2**25
LONGEST_TO_SHORTEST = 2  # lengths of a batch, so that less than half of it is padding
AHEAD = 2  # clips in work or done for each thread

Prepared = dict[str, list[Tensor]]  # a recording's parts by the digest of the configuration
Decoded = tuple[str, Prepared | AudioRefusedError]


def computed_in_batches(
    work: Sequence[tuple[Path, str]],
    configs: Sequence[FeatureConfig],
    *,
    longest_s: float,
    threads: int,
    device: torch.device,
    batch_samples: int = BATCH_SAMPLES,
) -> Iterator[Found]:
    """Compute the features of recordings.

    Parameters
    ----------
    work : sequence of (Path, str)
        Recordings, and the digest of each.
    configs : sequence of FeatureConfig
        Configurations wanted, all different.
    longest_s : float
        Longest recording that is decoded, in seconds.
    threads : int
        Recordings decoded at the same time.
    device : torch.device
        Where to compute.
    batch_samples : int
        Most samples of a batch, padding included.

    Yields
    ------
    Found
        Some recordings with their features or why they cannot be decoded, in the order of `work`.
    """
    batches = DeviceBatches(device, batch_samples=batch_samples)
    held: list[Decoded] = []
    samples = 0
    for key, prepared in _decoded(work, configs, longest_s=longest_s, threads=threads):
        held.append((key, prepared))
        if not isinstance(prepared, AudioRefusedError):
            samples += max(sum(map(len, parts)) for parts in prepared.values())
        if samples >= batch_samples:
            yield _computed(held, configs, batches)
            held, samples = [], 0
    if held:
        yield _computed(held, configs, batches)


class DeviceBatches:
    """Batches of clips for a device, as large as it can take.

    Parameters
    ----------
    device : torch.device
        Where to compute.
    batch_samples : int
        Most samples of a batch, padding included; half of a batch for which the device's memory does not suffice.
    """

    def __init__(self, device: torch.device, *, batch_samples: int) -> None:
        self.batch_samples = batch_samples
        self._device = device

    def features(self, parts: Sequence[Tensor], config: FeatureConfig) -> list[Tensor]:
        """Compute the features of prepared clips.

        Parameters
        ----------
        parts : sequence of float32 Tensor [shape=(samples,)]
            Clips in main memory, prepared.
        config : FeatureConfig
            What to compute.

        Returns
        -------
        list of float32 Tensor [shape=(channels, frames, bands)]
            Features of each in main memory, in the order of the clips.
        """
        found: dict[int, Tensor] = {}
        waiting = deque(sorted(range(len(parts)), key=lambda n: len(parts[n])))
        while waiting:
            batch = self._next_batch(waiting, parts, config)
            computed = self._attempt([parts[n] for n in batch], config)
            if computed is None:
                self._halve(len(batch), max(len(parts[batch[-1]]), config.least_samples))
                if len(batch) > 1:
                    waiting.extendleft(reversed(batch))
                    continue
                computed = extract_ragged([parts[n] for n in batch], config)
            found.update(zip(batch, computed, strict=True))
        return [found[n] for n in range(len(parts))]

    def _next_batch(self, waiting: deque[int], parts: Sequence[Tensor], config: FeatureConfig) -> list[int]:
        """Take the shortest clips that are left, as many as go together."""
        batch = [waiting.popleft()]
        shortest = max(len(parts[batch[0]]), config.least_samples)
        while waiting:
            length = max(len(parts[waiting[0]]), config.least_samples)
            if length > LONGEST_TO_SHORTEST * shortest or length * (len(batch) + 1) > self.batch_samples:
                break
            batch.append(waiting.popleft())
        return batch

    def _attempt(self, parts: Sequence[Tensor], config: FeatureConfig) -> list[Tensor] | None:
        """Compute a batch; None if the device's memory did not suffice."""
        try:
            joined_N = torch.cat(list(parts)).to(self._device)  # one copy for all
            near = torch.tensor_split(joined_N, torch.tensor([len(part) for part in parts]).cumsum(0)[:-1])
            return [x_CTM.cpu() for x_CTM in extract_ragged(near, config)]
        except torch.OutOfMemoryError:
            return None

    def _halve(self, clips: int, longest: int) -> None:
        self.batch_samples = max(1, clips * longest // 2)
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
        log.warning("Device memory did not suffice for the features of %d clips at once; batches are halved.", clips)


def _computed(held: Sequence[Decoded], configs: Sequence[FeatureConfig], batches: DeviceBatches) -> Found:
    usable = [(key, prepared) for key, prepared in held if not isinstance(prepared, AudioRefusedError)]
    features: dict[str, Features] = {key: {} for key, _ in usable}
    for config in configs:
        digest = config.digest()
        parts = [part for _, prepared in usable for part in prepared[digest]]
        computed = iter(batches.features(parts, config))
        for key, prepared in usable:
            of_clip = [next(computed) for _ in prepared[digest]]
            features[key][digest] = torch.cat(of_clip, dim=1).numpy()
    return [(key, prepared if isinstance(prepared, AudioRefusedError) else features[key]) for key, prepared in held]


def _decoded(
    work: Iterable[tuple[Path, str]], configs: Sequence[FeatureConfig], *, longest_s: float, threads: int
) -> Iterator[Decoded]:
    """Decode and prepare recordings in threads, a few of them ahead of the one that is given out."""
    decoders: SimpleQueue[Decoder] = SimpleQueue()
    for _ in range(threads):
        decoders.put(Decoder())

    def prepared(path: Path, key: str) -> Decoded:
        decoder = decoders.get()
        try:
            return key, _prepared(path, configs, longest_s, decoder)
        except AudioRefusedError as error:
            return key, error
        finally:
            decoders.put(decoder)

    pool = ThreadPoolExecutor(threads)
    coming: deque[Future[Decoded]] = deque()
    try:
        for path, key in work:
            coming.append(pool.submit(prepared, path, key))
            if len(coming) > AHEAD * threads:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
        for _ in range(threads):
            decoders.get().close()


def _prepared(path: Path, configs: Sequence[FeatureConfig], longest_s: float, decoder: Decoder) -> Prepared:
    found: Prepared = {}
    for rate in sorted({config.sample_rate_hz for config in configs}):
        samples_N = decoded_samples(path, decoder, sample_rate_hz=rate, longest_s=longest_s)
        for config in configs:
            if config.sample_rate_hz == rate:
                found[config.digest()] = prepared_parts(samples_N, config)
    return found
