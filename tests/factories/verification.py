"""Recordings and the verification manifest that names them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from itertools import product
from pathlib import Path

from tests.factories.audio import noise, tone, write_audio

COLUMNS = ("clip", "split", "verified", "group", "candidate")
Row = dict[str, str]


def manifest_rows(
    *, n_classes: int = 3, n_groups: int = 4, each: int = 2, verified_groups: int = 2, test_groups: int = 0
) -> list[Row]:
    """Return rows of groups that have each class several times; the last groups are for test."""
    first_test = n_groups - test_groups
    return [
        {
            "clip": f"group-{group}/class-{k}-{take}.wav",
            "split": "test" if group >= first_test else "train",
            "verified": "1" if group < verified_groups else "0",
            "group": f"group {group}",
            "candidate": "" if group >= first_test else f"class {k}",
        }
        for group, k, take in product(range(n_groups), range(n_classes), range(each))
    ]


def write_recordings(audio_root: Path, rows: Iterable[Row], *, seconds: float = 0.2, rate_hz: int = 8_000) -> None:
    """Write the recording of each row: a tone that depends on the class in its name, in noise of its own."""
    for number, row in enumerate(rows):
        k = int(row["clip"].partition("class-")[2].partition("-")[0])
        pitch = tone(400.0 + 150.0 * k, seconds, rate_hz=rate_hz, phase=number)
        samples = pitch + noise(len(pitch), seed=number, level=0.01)
        write_audio(audio_root / row["clip"], samples, rate_hz)


def write_rows(path: Path, rows: Sequence[Row]) -> Path:
    """Write a verification manifest."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return path


def make_dataset(folder: Path, **shape: int) -> tuple[Path, Path, list[Row]]:
    """Write recordings and their manifest; return the manifest, the audio root and the rows."""
    rows = manifest_rows(**shape)
    write_recordings(folder / "audio", rows)
    return write_rows(folder / "manifest.csv", rows), folder / "audio", rows


def read_predictions(path: Path) -> list[Row]:
    """Return the rows of a predictions file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
