"""The whole pipeline on real speech, checked from outside and timed against a plain script.

1. `fsdd.toml`: 3,000 recordings of six speakers as clips, 60 joined recordings with votes, ratings, split and an
   exported ZIP, all by one command. Then the same command again, which must do nothing. The ZIP is read with
   zipfile and csv alone: no speaker in two parts, every clip there, every sample that of FSDD, every checksum right,
   clips that annotators refused left out, recordings that voters refused left out.
2. `long.toml`: 66 joined recordings of up to six minutes at 44,100 Hz. Every segment of both datasets is compared
   sample for sample with slices taken here: soundfile and numpy at 8,000 Hz, and soxr (HQ, whole recording at once)
   where the rate changes.
3. Time per step, and in all as a ratio to a plain script that reads the same manifests with csv, reads and writes
   each file with soundfile, hashes it with hashlib and zips it: no checks, no database, no restart.

Exits 1 if a check fails.

    python benchmarks/pipeline.py [--fsdd DIR] [--folder DIR]
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import os
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter

import numpy as np
import soundfile
import soxr
from fsdd_files import FSDD, write_files
from numpy.typing import NDArray

PROJECT = Path(__file__).resolve().parents[1]
SEGMENT_S = 10
FAILED: list[str] = []
Samples = NDArray[np.int16]
Table = list[dict[str, str]]


def check(name: str, holds: bool, found: object = "") -> None:  # noqa: FBT001 -- a check's outcome
    """Print a check and remember a failure."""
    print(f"  {'ok  ' if holds else 'FAIL'} {name}{f': {found}' if found != '' else ''}")
    if not holds:
        FAILED.append(name)


def manage(data_dir: Path, *arguments: str) -> tuple[float, str]:
    """Run a command of the project on data of its own; return seconds and output."""
    environment = {**os.environ, "EARMARK_DATA_DIR": str(data_dir)}
    environment.pop("DATABASE_URL", None)
    start = perf_counter()
    done = subprocess.run(
        [sys.executable, str(PROJECT / "manage.py"), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = perf_counter() - start
    if done.returncode != 0:
        print(done.stdout, done.stderr, sep="\n")
        check(f"{' '.join(arguments)} exits 0", holds=False, found=done.returncode)
    return seconds, done.stdout


def read_table(path: Path) -> Table:
    """Read a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def rounded(signal: NDArray[np.float64]) -> Samples:
    """Round to 16 bit as the policy's `dither = "none"` says: to the nearest step, halves to even, limited."""
    return np.asarray(np.clip(np.rint(signal * 32_768), -32_768, 32_767), dtype=np.int16)


def expected_samples(path: Path, rate_hz: int) -> Samples:
    """Return a recording at another rate, by soundfile and soxr alone."""
    if soundfile.info(path).samplerate == rate_hz:
        return np.asarray(soundfile.read(path, dtype="int16")[0])
    signal, source_hz = soundfile.read(path, dtype="float64")
    return rounded(soxr.resample(signal, source_hz, rate_hz, quality="HQ"))


def accepted(votes: Table) -> set[str]:
    """Return the submissions that three voters found good on all criteria."""
    good = Counter(row["submission"] for row in votes if {row[name] for name in row if name in CRITERIA} == {"yes"})
    return {submission for submission, count in good.items() if count >= 3}


CRITERIA = ("gain", "privacy", "acoustic_cue")


def settled_as_absent(ratings: Table) -> set[str]:
    """Return the clips for which two annotators say NP and fewer say any other value."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for row in ratings:
        counts[row["clip"]][row["rating"]] += row["rating"] != "U"
    return {clip for clip, given in counts.items() if given["NP"] >= 2 and given["NP"] > max(given["PP"], given["PNP"])}


def check_segments(read: Callable[[str], bytes], rows: Table, folder: Path, manifest: str, wanted: set[str]) -> None:
    """Compare the exported segments with slices taken here."""
    segments = {row["file_name"].rsplit("/", 1)[-1]: row for row in rows if row["submission"]}
    rate_hz = int(next(iter(segments.values()))["sample_rate_hz"])
    compared, different, missing, kept = 0, 0, [], set()
    for source in read_table(folder / manifest):
        if source["submission"] not in wanted:
            continue
        samples = expected_samples(folder / source["path"], rate_hz)
        for index in range(samples.size // (SEGMENT_S * rate_hz)):
            ending = f"_{source['submission']}_{index:03d}.wav"
            name = next((name for name in segments if name.endswith(ending)), "")
            if not name:
                missing.append(ending)
                continue
            kept.add(name)
            found, found_hz = soundfile.read(io.BytesIO(read(segments[name]["file_name"])), dtype="int16")
            slice_ = samples[index * SEGMENT_S * rate_hz : (index + 1) * SEGMENT_S * rate_hz]
            same = found_hz == rate_hz and found.shape == slice_.shape
            different += int(np.count_nonzero(found != slice_)) if same else slice_.size
            compared += slice_.size
    check(
        f"{compared:,} samples of {len(kept)} segments at {rate_hz} Hz are those of the slices",
        different == 0,
        different,
    )
    check("no segment is missing and none is too many", not missing and kept == set(segments), missing[:3])


def check_zip(path: Path, folder: Path, fsdd: Path) -> None:
    """Check the exported ZIP with zipfile, csv, hashlib, soundfile and the input files alone."""
    with zipfile.ZipFile(path) as archive:
        sums = dict(reversed(line.split("  ", 1)) for line in archive.read("checksums.sha256").decode().splitlines())
        wrong = [name for name in archive.namelist() if name in sums and _sha256(archive.read(name)) != sums[name]]
        check("checksums hold for every file", not wrong and len(sums) == len(archive.namelist()) - 1, len(sums))
        rows = list(csv.DictReader(io.StringIO(archive.read("metadata.csv").decode(), newline="")))
        parts: dict[str, set[str]] = defaultdict(set)
        for row in rows:
            parts[row["participant"]].add(row["split"])
            check_place = row["file_name"].startswith(f"{row['split']}/")
            if not check_place:
                check("a clip lies in the folder of its part", holds=False, found=row["file_name"])
        check("no speaker is in two parts", all(len(found) == 1 for found in parts.values()), _by_part(parts))
        check("every part has clips", len({row["split"] for row in rows}) == 3, Counter(row["split"] for row in rows))
        clips = {row["file_name"].split("/", 1)[1]: row for row in rows if not row["submission"]}
        refused = settled_as_absent(read_table(folder / "ratings.csv"))
        expected = {row["path"] for row in read_table(folder / "clips.csv")} - refused
        check("the clips are FSDD's without those found absent", clips.keys() == expected, (len(clips), len(refused)))
        labels = {row["path"]: row["label"] for row in read_table(folder / "clips.csv")}
        check("every label is the manifest's", all(row["category"] == labels[name] for name, row in clips.items()))
        different = sum(
            not np.array_equal(
                soundfile.read(io.BytesIO(archive.read(row["file_name"])), dtype="int16")[0],
                soundfile.read(fsdd / name, dtype="int16")[0],
            )
            for name, row in clips.items()
        )
        check("every sample of every clip is FSDD's", different == 0, different)
        wanted = accepted(read_table(folder / "votes.csv"))
        check_segments(archive.read, rows, folder, "joined.csv", wanted)
        print(
            "\n" + archive.read("README.md").decode().split("## The split")[0].split("## Classes and splits")[1].strip()
        )


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _by_part(parts: dict[str, set[str]]) -> dict[str, str]:
    return {speaker: "+".join(sorted(found)) for speaker, found in sorted(parts.items())}


def plain_script(folder: Path, fsdd: Path) -> float:
    """Do the bare work with soundfile, csv, hashlib and zipfile; return seconds."""
    start = perf_counter()
    wanted = accepted(read_table(folder / "votes.csv"))
    joined = [folder / row["path"] for row in read_table(folder / "joined.csv") if row["submission"] in wanted]
    with zipfile.ZipFile(folder / "plain.zip", "w", zipfile.ZIP_STORED) as archive:
        table = io.StringIO()
        writer = csv.writer(table)
        for path, samples, rate_hz in _plain_clips(folder, fsdd, joined):
            buffer = io.BytesIO()
            soundfile.write(buffer, samples, rate_hz, format="WAV", subtype="PCM_16")
            writer.writerow([path, hashlib.sha256(buffer.getvalue()).hexdigest()])
            archive.writestr(path, buffer.getvalue())
        archive.writestr("metadata.csv", table.getvalue())
    return perf_counter() - start


def _plain_clips(folder: Path, fsdd: Path, joined: list[Path]) -> Iterator[tuple[str, Samples, int]]:
    for row in read_table(folder / "clips.csv"):
        samples, rate_hz = soundfile.read(fsdd / row["path"], dtype="int16")
        yield row["path"], samples, rate_hz
    for path in joined:
        samples, rate_hz = soundfile.read(path, dtype="int16")
        for index in range(samples.size // (SEGMENT_S * rate_hz)):
            yield f"{path.stem}_{index:03d}.wav", samples[index * SEGMENT_S * rate_hz :][: SEGMENT_S * rate_hz], rate_hz


def run(folder: Path, fsdd: Path) -> None:
    """Run both configurations and check what comes out."""
    files, data_dir = folder / "files", folder / "data"
    write_files(files, fsdd)
    manage(data_dir, "migrate", "--verbosity", "0")
    print("fsdd.toml: 3,000 clips and 60 recordings at 8,000 Hz")
    first_s, output = manage(data_dir, "pipeline", str(files / "fsdd.toml"))
    print(output)
    check_zip(files / "fsdd.zip", files, fsdd)
    before = _sha256((files / "fsdd.zip").read_bytes())
    second_s, output = manage(data_dir, "pipeline", str(files / "fsdd.toml"))
    print(f"\nThe same command again:\n{output}")
    check("the second run stores nothing", " 0 ratings stored" in output and "stands there already" in output)
    manage(data_dir, "export", "--dataset", "fsdd", "--release", "1.0", "--out", str(files / "again.zip"))
    check("the release is reproduced byte for byte", _sha256((files / "again.zip").read_bytes()) == before, before[:16])
    print("\nlong.toml: 66 recordings at 44,100 Hz")
    long_s, output = manage(data_dir, "pipeline", str(files / "long.toml"))
    print(output)
    wanted = {row["submission"] for row in read_table(files / "long.csv")}
    rows = read_table(files / "long" / "metadata.csv")
    check_segments(lambda name: (files / "long" / name).read_bytes(), rows, files, "long.csv", wanted)
    plain_s = min(plain_script(files, fsdd) for _ in range(3))
    print(f"\nfsdd.toml {first_s:.1f} s, again {second_s:.1f} s, long.toml {long_s:.1f} s.")
    print(f"A plain script for the ZIP's audio: {plain_s:.2f} s; fsdd.toml takes {first_s / plain_s:.1f} times that.")


def main() -> int:
    """Run in a folder that is removed afterwards, unless one is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fsdd", type=Path, default=FSDD, help="folder of FSDD's recordings")
    parser.add_argument("--folder", type=Path, help="an empty folder to work in and keep")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="earmark-pipeline-") as temporary:
        run((arguments.folder or Path(temporary)).resolve(), arguments.fsdd.resolve())
    print(f"\n{len(FAILED)} checks failed." if FAILED else "\nAll checks hold.")
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())
