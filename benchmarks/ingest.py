"""Hours of audio ingested per minute, against the least that reading, writing and hashing the same bytes costs.

    .venv/bin/python benchmarks/ingest.py [--recordings 80] [--seconds 60] [--rounds 7]

*Ingest* is what `import_recordings` and `segment` do with a file: check it to the last sample in the confined
decoder, copy it into the storage while hashing it, decode it from there, cut it, write the segments. The
*floor* is soundfile reading the file and writing the same segments, and hashlib.sha256 over the file's bytes.
Both run on the same single core, then ingest runs with two workers on two cores; runs alternate, and medians
are compared. Rows in the database are not part of it. Recordings are synthesised.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "curation.settings")
if __name__ == "__main__":  # worker processes import this file too, and inherit the folder
    os.environ["EARMARK_DATA_DIR"] = tempfile.mkdtemp(prefix="earmark-ingest-")

import django
import numpy as np
import pyloudnorm
import soundfile
import soxr

django.setup()

from django.core.files.storage import storages  # noqa: E402

from curation.audio.decoder import Decoder  # noqa: E402
from curation.audio.flac import encode_flac  # noqa: E402
from curation.audio.measures import measure  # noqa: E402
from curation.audio.segments import segment_bounds  # noqa: E402
from curation.audio.spectrogram import mel_picture  # noqa: E402
from curation.services.audio_intake import (  # noqa: E402
    CutRequest,
    RecordingRequest,
    StoredRecording,
    cut_recording,
    take_recording,
)
from curation.services.audio_store import clip_key, local_copy, store_clip_samples  # noqa: E402
from curation.services.worker_pool import AudioWorkers  # noqa: E402

RATE_HZ = 44_100
SEGMENT_FRAMES = 10 * RATE_HZ
LONGEST_S = 7_200.0
FLOOR_LIMIT, TWO_CORES_LIMIT = 1.6, 1.7


def ingest(decoder: Decoder, path: Path) -> int:
    """Probe, hash, cut, write; return the samples kept."""
    taken = take(decoder, path)
    with local_copy(taken.original.key) as original:
        samples = decoder.samples(original, sample_rate_hz=RATE_HZ, max_duration_s=LONGEST_S)
    bounds = segment_bounds(len(samples), SEGMENT_FRAMES)
    for index, (start, end) in enumerate(bounds):
        key = clip_key(
            original_sha256=taken.original.sha256,
            sample_rate_hz=RATE_HZ,
            dither="none",
            segment_frames=SEGMENT_FRAMES,
            index=index,
        )
        store_clip_samples(key, samples[start:end], RATE_HZ)
    return len(bounds) * SEGMENT_FRAMES


def ingest_measured(decoder: Decoder, path: Path) -> int:
    """Do what the commands do: the same, and every segment measured."""
    taken = take(decoder, path)
    request = CutRequest(
        submission_id=0,
        original_key=taken.original.key,
        original_sha256=taken.original.sha256,
        sample_rate_hz=RATE_HZ,
        segment_frames=SEGMENT_FRAMES,
        dither="none",
        max_duration_s=LONGEST_S,
    )
    clips = cut_recording(decoder, request)
    if not isinstance(clips, list):
        raise SystemExit(clips.detail)
    return sum(clip.frames for clip in clips)


def take(decoder: Decoder, path: Path) -> StoredRecording:
    """Import one recording's file."""
    taken = take_recording(decoder, RecordingRequest(path=path, max_duration_s=LONGEST_S, known=()))
    if not isinstance(taken, StoredRecording):
        raise SystemExit(str(taken))
    return taken


def floor(path: Path, folder: Path) -> int:
    """Read, hash and write the same, and nothing else."""
    samples, rate = soundfile.read(path, dtype="int16")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    bounds = segment_bounds(len(samples), SEGMENT_FRAMES)
    for index, (start, end) in enumerate(bounds):
        soundfile.write(folder / f"{digest}-{index:03d}.wav", samples[start:end], rate, subtype="PCM_16")
    return len(bounds) * SEGMENT_FRAMES


def synthesise(folder: Path, count: int, seconds: float, rate_hz: int = RATE_HZ) -> list[Path]:
    """Write recordings that no two are alike: noise under a slow swell."""
    generator = np.random.default_rng(17)
    frames = round(seconds * rate_hz)
    swell = 2_000 * (1.2 + np.sin(np.arange(frames) * (2 * np.pi / rate_hz / 7)))
    paths = []
    for number in range(count):
        samples = np.clip(swell * generator.standard_normal(frames), -32_768, 32_767).astype(np.int16)
        path = folder / f"take{number:04d}-{rate_hz}.wav"
        soundfile.write(path, samples, rate_hz, subtype="PCM_16")
        paths.append(path)
    return paths


@contextmanager
def on_cores(cores: set[int]) -> Iterator[None]:
    """Stay on some processor cores; processes started inside stay there too."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def level_memory(size: int) -> None:
    """Write and remove as many bytes as the next run writes.

    On a virtual machine, memory that the run before did not use first has to come from the host, which costs
    more than the run itself; without this, each run would be charged for being larger than the one before it.
    """
    block = bytes(1 << 20)
    with tempfile.TemporaryFile() as file:
        for _ in range(-(-size // len(block))):
            file.write(block)


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that `work` takes, the disk being idle before."""
    os.sync()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def set_aside(folder: Path) -> None:
    """Empty the files of a run without removing them, so that the next run writes anew.

    File systems hand out the places of files that were removed a moment ago reluctantly (ext4 looks at each of
    them for five seconds), which a lab's disk never sees: nothing is removed while recordings come in.
    """
    for path in folder.rglob("*"):
        if path.is_file():
            os.truncate(path, 0)
    folder.rename(tempfile.mkdtemp(prefix="aside-", dir=folder.parent))


def alternate(paths: list[Path], rounds: int, cores: list[int]) -> dict[str, list[float]]:
    """Time the ways of ingesting in turn; return each one's seconds."""
    one, two = {cores[0]}, set(cores[:2])
    times: dict[str, list[float]] = {}
    stored = Path(storages["audio"].location)
    written = 2 * sum(path.stat().st_size for path in paths)  # originals and segments
    pools: dict[str, tuple[set[int], AudioWorkers, Callable[[Decoder, Path], int]]] = {}
    pool_of = {}
    for name, where, workers in (("one", one, 1), ("two", two, 2)):
        if workers <= len(where):
            pool_of[name] = AudioWorkers(workers)
            pools[f"ingest, {name}"] = (where, pool_of[name], ingest)
            pools[f"ingest with measures, {name}"] = (where, pool_of[name], ingest_measured)
    for round_number in range(rounds + 1):  # the first warms up and does not count
        plain = Path(tempfile.mkdtemp(prefix="floor-", dir=stored.parent))
        with on_cores(one):
            level_memory(written)
            seconds = timed(lambda target=plain: [floor(path, target) for path in paths])
        times.setdefault("floor, one", []).append(seconds)
        set_aside(plain)
        for name, (where, pool, function) in pools.items():
            with on_cores(where):
                level_memory(written)
                seconds = timed(lambda pool=pool, function=function: list(pool.map(function, paths)))
            times.setdefault(name, []).append(seconds)
            set_aside(stored)
        if round_number == 0:
            times.clear()
    for pool in pool_of.values():
        pool.__exit__(None, None, None)
    return times


def show_ingest(paths: list[Path], seconds: float, rounds: int, cores: list[int]) -> bool:
    """Print the main table; return whether it keeps its limits."""
    times = {name: statistics.median(values) for name, values in alternate(paths, rounds, cores).items()}
    hours = len(paths) * seconds / 3600
    print(f"\n{'':30}{'hours of audio a minute':>26}{'x floor':>10}{'x real time':>14}")
    for name, value in times.items():
        ratio = value / times["floor, one"]
        print(
            f"{name + ' core' + 's' * name.endswith('two'):30}{hours / value * 60:26.1f}{ratio:10.2f}"
            f"{hours * 3600 / value:14,.0f}"
        )
    against_floor = times["ingest, one"] / times["floor, one"]
    print(f"\none core: {against_floor:.2f} x floor (at most {FLOOR_LIMIT})")
    keeps = against_floor <= FLOOR_LIMIT
    for name, label in (("ingest", "two cores"), ("ingest with measures", "two cores, with measures")):
        if f"{name}, two" in times:
            speed_up = times[f"{name}, one"] / times[f"{name}, two"]
            print(f"{label}: {speed_up:.2f} x one core (at least {TWO_CORES_LIMIT})")
            keeps = keeps and speed_up >= TWO_CORES_LIMIT
    return keeps


def show_parts(folder: Path, rounds: int, core: int) -> None:
    """Print what each further step costs on one core, beside the library it stands on."""
    path = synthesise(folder, 1, 60)[0]
    other = synthesise(folder, 1, 60, 48_000)[0]
    samples = soundfile.read(path, dtype="int16")[0][:SEGMENT_FRAMES]
    as_float = samples / 32_768
    at_48 = soundfile.read(other, dtype="float32")[0]
    meter = pyloudnorm.Meter(RATE_HZ)
    with Decoder() as decoder:
        parts: list[tuple[str, float, Callable[[], object]]] = [
            ("probe (60 s)", 60, lambda: decoder.probe(path, max_duration_s=LONGEST_S)),
            ("decode (60 s)", 60, lambda: decoder.samples(path, sample_rate_hz=RATE_HZ, max_duration_s=LONGEST_S)),
            ("  soundfile.read", 60, lambda: soundfile.read(path, dtype="int16")),
            (
                "decode 48 to 44.1 kHz (60 s)",
                60,
                lambda: decoder.samples(other, sample_rate_hz=RATE_HZ, max_duration_s=LONGEST_S),
            ),
            ("  soxr.resample HQ", 60, lambda: soxr.resample(at_48, 48_000, RATE_HZ)),
            ("measures (10 s)", 10, lambda: measure(samples, RATE_HZ)),
            ("  pyloudnorm", 10, lambda: meter.integrated_loudness(as_float)),
            ("spectrogram picture (10 s)", 10, lambda: mel_picture(samples, RATE_HZ)),
            ("FLAC (10 s)", 10, lambda: encode_flac(samples, RATE_HZ)),
        ]
        print(f"\n{'on one core':30}{'ms':>26}{'x real time':>24}")
        with on_cores({core}):
            for name, seconds, work in parts:
                work()
                value = statistics.median(timed(work) for _ in range(max(rounds, 5)))
                print(f"{name:30}{1000 * value:26.2f}{seconds / value:24,.0f}")


def main() -> int:
    """Run everything; exit 1 if a limit is broken."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--recordings", type=int, default=80)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix="earmark-takes-") as folder:
        paths = synthesise(Path(folder), options.recordings, options.seconds)
        size = sum(path.stat().st_size for path in paths) / 1e6
        print(
            f"{len(paths)} recordings of {options.seconds:g} s, {RATE_HZ} Hz mono 16 bit, {size:.0f} MB; "
            f"medians of {options.rounds} alternating runs; {len(cores)} cores"
        )
        keeps = show_ingest(paths, options.seconds, options.rounds, cores)
        show_parts(Path(folder), options.rounds, cores[0])
    return 0 if keeps else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        shutil.rmtree(os.environ["EARMARK_DATA_DIR"], ignore_errors=True)
