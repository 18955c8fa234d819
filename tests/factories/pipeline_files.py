"""Input files for a whole pipeline, small: recordings, votes, clips, ratings and the configuration."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

RATE_HZ = 8_000
PEOPLE = 6
CONFIG = """\
[dataset]
slug = "tiny"
title = "Tiny"
[dataset.policy]
segment_s = 0.5
sample_rate_hz = 8000
train_share = 0.6
val_share = 0.4
[taxonomy]
file = "taxonomy.csv"
[recordings]
manifest = "recordings.csv"
[votes]
file = "votes.csv"
[segment]
[clips]
manifest = "clips.csv"
[ratings]
file = "ratings.csv"
[quality_estimates]
out = "quality.csv"
[split]
[export]
out = "tiny.zip"
release = "1.0"
"""


def _table(path: Path, header: str, rows: Sequence[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header.split(","), *rows])


def write_pipeline_files(folder: Path, *, recordings: int = 12) -> Path:
    """Write everything into a folder; return the configuration.

    Every sixth recording is voted out, every sixth still waits for a vote; two of the clips are rated wrong.
    """
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(7)
    _table(folder / "taxonomy.csv", "id,name,parents,description", [["b", "Bell", "", ""], ["d", "Drum", "", ""]])
    rows, votes = [], []
    for number in range(recordings):
        name, submission = f"recording{number}.wav", f"{number:04d}"
        samples = random.integers(-4000, 4000, round(RATE_HZ * (1.1 + number / 100))).astype(np.int16)
        soundfile.write(folder / name, samples, RATE_HZ, subtype="PCM_16")
        rows.append([name, ("Bell", "Drum")[number % 2], f"user{number % PEOPLE + 1:04d}", submission])
        answer = "no" if number % 6 == 3 else "yes"
        votes += [
            [submission, f"voter{voter}", answer, "yes", "yes"] for voter in range(1, 3 if number % 6 == 5 else 4)
        ]
    _table(folder / "recordings.csv", "path,category,participant,submission", rows)
    _table(folder / "votes.csv", "submission,voter,gain,privacy,acoustic_cue", votes)
    clips, ratings = [], []
    for number in range(12):
        samples = random.integers(-4000, 4000, RATE_HZ // 5).astype(np.int16)
        soundfile.write(folder / f"clip{number}.wav", samples, RATE_HZ, subtype="PCM_16")
        label = ("Bell", "Drum")[number % 2]
        clips.append([f"clip{number}.wav", label, "no", f"user{number % PEOPLE + 1:04d}"])
        rating = "NP" if number in {4, 9} else "PP"
        ratings += [[f"clip{number}.wav", label, f"rater{rater}", rating] for rater in (1, 2)]
    _table(folder / "clips.csv", "path,label,verified,group", clips)
    _table(folder / "ratings.csv", "clip,category,annotator,rating", ratings)
    config = folder / "pipeline.toml"
    config.write_text(CONFIG, encoding="utf-8")
    return config
