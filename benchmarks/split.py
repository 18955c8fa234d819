"""Our greedy split against scikit-learn's StratifiedGroupKFold, and against reading and writing the same rows.

Two manifests are made, shaped like CochlScene (section III.A, table I): submissions per participant fall off
exponentially (the paper: 85 of 831 people sent one, others up to 103), a participant records each class about
four times, most submissions give six clips.

1. In memory, 76,115 clips of 831 participants in 13 classes: both splitters take the same arrays. The peer's ten
   folds are used as 8 : 1 : 1. Printed: the ratio of times, how far classes are from 80/10/10 %, and how many
   participants each part has; the paper's aim is as many as possible in test.
2. From file to file, ten million clips of 100,000 participants in 41 classes, through the command, as a ratio to
   Python's csv module reading and writing the same rows, with the command's peak memory.

    python benchmarks/split.py [--clips N --participants N --classes N] [--large-clips N …] [--folder DIR]
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.model_selection import StratifiedGroupKFold

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))

from curation.domain.greedy_split import PARTS, class_table, greedy_split  # noqa: E402 -- the path comes first
from curation.domain.shares import Shares  # noqa: E402 -- as above

SHARES = Shares.parse("0.8", "0.1")
CLIPS_PER_SUBMISSION = 76_115 / 12_349
WATCH = """
import resource, subprocess, sys
subprocess.run([sys.executable, *sys.argv[1:]], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
SUBMISSIONS_PER_CLASS = 12_349 / 2_829  # of one participant, by table I


@dataclass(frozen=True)
class Manifest:
    """Clips in the order of a file: participant, class, submission and index of each [shape=(clips,)]."""

    participants: int
    classes: int
    participant: NDArray[np.int64]
    category: NDArray[np.int64]
    submission: NDArray[np.int64]
    index: NDArray[np.int64]

    def __str__(self) -> str:
        return f"{len(self.participant):,} clips, {self.participants:,} participants, {self.classes} classes"

    @property
    def codes(self) -> list[str]:
        """Codes of the participants."""
        return [f"user{number:04d}" for number in range(self.participants)]

    def counts(self) -> sparse.csr_array:
        """Return clips by participant and class."""
        pairs = (np.ones(len(self.participant), dtype=np.int64), (self.participant, self.category))
        return sparse.coo_array(pairs, shape=(self.participants, self.classes)).tocsr()


def make_manifest(clips: int, participants: int, classes: int, seed: int) -> Manifest:
    """Draw a manifest shaped like CochlScene."""
    random = np.random.default_rng(seed)
    wanted = max(round(clips / CLIPS_PER_SUBMISSION), participants)
    weights = random.exponential(size=participants)
    sent = 1 + random.multinomial(wanted - participants, weights / weights.sum())
    owner = np.repeat(np.arange(participants), sent)
    length = np.where(random.random(wanted) < 0.907, 6, random.integers(5, 11, wanted))
    while difference := clips - int(length.sum()):
        chosen = random.permutation(np.flatnonzero(length > (1 if difference < 0 else 0)))[: abs(difference)]
        length[chosen] += np.sign(difference)
    visited = np.clip(np.ceil(sent / SUBMISSIONS_PER_CLASS), 1, classes).astype(np.int64)
    liked = random.random((participants, classes)).argsort(axis=1)
    category = liked[owner, (random.random(wanted) * visited[owner]).astype(np.int64)]
    order = random.permutation(wanted)
    submission = np.repeat(order, length[order])
    starts = np.repeat(np.cumsum(length[order]) - length[order], length[order])
    return Manifest(
        participants, classes, owner[submission], category[submission], submission, np.arange(clips) - starts
    )


def by_greedy(manifest: Manifest) -> NDArray[np.int8]:
    """Return the part of each clip by our rule."""
    counts = manifest.counts()
    sizes = np.bincount(manifest.participant, minlength=manifest.participants)
    return greedy_split(counts, sizes=sizes, codes=manifest.codes, shares=SHARES)[manifest.participant]


def by_folds(manifest: Manifest) -> NDArray[np.int8]:
    """Return the part of each clip by the peer: of ten folds one for test, one for validation."""
    folds = StratifiedGroupKFold(n_splits=10).split(
        np.zeros(len(manifest.category)), manifest.category, manifest.participant
    )
    part = np.zeros(len(manifest.category), dtype=np.int8)
    for number, (_, inside) in zip((2, 1), folds, strict=False):
        part[inside] = number
    return part


def fastest(run: Callable[[], Any], times: int) -> tuple[float, Any]:
    """Return the least seconds of some runs, and the result."""
    seconds = []
    for _ in range(times):
        start = perf_counter()
        result = run()
        seconds.append(perf_counter() - start)
    return min(seconds), result


def describe(name: str, manifest: Manifest, part: NDArray[np.int8]) -> None:
    """Print how a split keeps the shares and whom it tests."""
    of_participant = np.full(manifest.participants, -1, dtype=np.int8)
    of_participant[manifest.participant] = part
    assert (of_participant[manifest.participant] == part).all(), "a participant is in two parts"  # noqa: S101
    table = class_table(manifest.counts(), np.where(of_participant < 0, 0, of_participant).astype(np.int8))
    shares = table / table.sum(axis=1, keepdims=True).clip(1)
    over = (shares[:, :2] - (0.8, 0.1)).max(axis=0)
    off = np.abs(shares - (0.8, 0.1, 0.1)).max(axis=0)
    print(f"  {name}")
    print(f"    most that a class is over its share: train {over[0]:+.2%}, val {over[1]:+.2%}")
    print(
        "    furthest class from 80/10/10 %:      " + ", ".join(f"{p} {o:.2%}" for p, o in zip(PARTS, off, strict=True))
    )
    people = np.bincount(of_participant[of_participant >= 0], minlength=3)
    print(
        "    participants:                        " + ", ".join(f"{p} {n}" for p, n in zip(PARTS, people, strict=True))
    )


def compare_in_memory(manifest: Manifest, times: int) -> None:
    """Run both splitters on the same arrays."""
    print(f"In memory: {manifest}")
    ours, our_part = fastest(lambda: by_greedy(manifest), times)
    theirs, their_part = fastest(lambda: by_folds(manifest), times)
    print(f"  ours {ours:.4f} s, StratifiedGroupKFold {theirs:.4f} s: ratio {ours / theirs:.3f}")
    describe("ours", manifest, our_part)
    describe("StratifiedGroupKFold, 10 folds as 8 : 1 : 1", manifest, their_part)


def rows_of(manifest: Manifest) -> Iterator[str]:
    """Yield the lines of the manifest's file."""
    columns = (manifest.participant, manifest.category, manifest.submission, manifest.index)
    for start in range(0, len(manifest.participant), 100_000):
        for person, kind, sent, index in zip(*(c[start : start + 100_000].tolist() for c in columns), strict=True):
            yield f"Class{kind:02d}_user{person:04d}_{sent}_{index:03d}.wav,Class {kind:02d},user{person:04d}\n"


def read_and_write(manifest: Path, out: Path) -> None:
    """Do the least that any splitter must: read every row and write one for it."""
    with manifest.open(encoding="utf-8", newline="") as source, out.open("w", encoding="utf-8", newline="") as target:
        csv.writer(target).writerows((clip, "train") for clip, _, _ in csv.reader(source))


def run_command(manifest: Path, out: Path, data_dir: Path) -> tuple[float, float]:
    """Return the command's seconds and its peak memory in MiB."""
    start = perf_counter()
    # A small process starts it: a child's peak counts what its parent held when it was started.
    command = [sys.executable, "-c", WATCH, "manage.py", "split", "--manifest", str(manifest), "--out", str(out)]
    environment = {**os.environ, "EARMARK_DATA_DIR": str(data_dir)}
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        sys.exit(f"The command ended with {done.returncode}: {done.stderr}")
    return perf_counter() - start, int(done.stdout) / 1024


def compare_files(manifest: Manifest, folder: Path) -> None:
    """Run the command on a file and check what it wrote."""
    clips = len(manifest.participant)
    print(f"File to file: {manifest}")
    source, out = folder / "manifest.csv", folder / "split.csv"
    with source.open("w", encoding="utf-8") as file:
        file.write("clip,category,participant\n")
        file.writelines(rows_of(manifest))
    seconds, _ = fastest(lambda: by_greedy(manifest), 1)
    print(f"  counting and dividing in memory: {seconds:.2f} s")
    ours, peak = run_command(source, out, folder / "data")
    least, _ = fastest(lambda: read_and_write(source, folder / "least.csv"), 1)
    print(f"  ours {ours:.2f} s, csv module reading and writing the rows {least:.2f} s: ratio {ours / least:.2f}")
    print(f"  file {source.stat().st_size / 2**20:,.0f} MiB, peak memory of the command {peak:,.0f} MiB")
    number = {f"{name}\n": place for place, name in enumerate(PARTS)}
    with out.open(encoding="utf-8") as file:
        next(file)
        part = np.fromiter((number[line.rsplit(",", 1)[1]] for line in file), np.int8, clips)
    describe("ours, read back from the file", manifest, part)


def main() -> None:
    """Run both comparisons."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for prefix, sizes in (("", (76_115, 831, 13)), ("large-", (10_000_000, 100_000, 41))):
        for name, size in zip(("clips", "participants", "classes"), sizes, strict=True):
            parser.add_argument(f"--{prefix}{name}", type=int, default=size, metavar="N", help=f"default {size:,}")
    parser.add_argument("--times", type=int, default=3, help="runs in memory of which the fastest counts")
    parser.add_argument("--seed", type=int, default=2022)
    parser.add_argument(
        "--folder", type=Path, help="where files of about 150 bytes a clip fit (default: a temporary one)"
    )
    given = parser.parse_args()
    compare_in_memory(make_manifest(given.clips, given.participants, given.classes, given.seed), given.times)
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        large = make_manifest(given.large_clips, given.large_participants, given.large_classes, given.seed)
        compare_files(large, Path(folder))


if __name__ == "__main__":
    main()
