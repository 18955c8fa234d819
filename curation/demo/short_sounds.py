"""The second dataset of the demonstration: short clips that came ready-cut with a label, tags and a licence.

Some labels had been verified where the clips came from, the others have few ratings or none.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from curation.demo.files import write_flac, write_table
from curation.demo.sounds import SAMPLE_RATE_HZ, SHORT_SOUNDS, as_recorded

SLUG = "demo-sounds"
TITLE = "Short sounds (demonstration)"
CLIPS_PER_CLASS = 9
UPLOADERS = tuple(f"uploader{number:02d}" for number in range(1, 10))
LICENCES = ("cc0-1.0", "cc-by-4.0", "cc-by-nc-4.0")
RATINGS: tuple[tuple[str, ...], ...] = (("PP", "PP"), ("PP",), (), ("PP", "NP"), ("NP", "NP"), ())

CONFIG = """\
# The demonstration's pipeline for clips that came ready-cut. Run it again with: manage.py pipeline {path}
[dataset]
slug = "{slug}"
title = "{title}"
description = "{description}"

[dataset.policy]
train_share = 0.6
val_share = 0.2

[taxonomy]
file = "taxonomy.csv"

[clips]
manifest = "clips.csv"

[ratings]
file = "ratings.csv"

[split]

[export]
out = "{slug}.zip"
release = "1.0"
"""


def write_files(folder: Path, description: str) -> Path:
    """Write audio, tables and configuration; see `curation.demo.scenes.write_files`."""
    clips, ratings = [], []
    for number, (label, place) in enumerate(
        (label, place) for label in SHORT_SOUNDS for place in range(CLIPS_PER_CLASS)
    ):
        rng = np.random.default_rng([2018, number])
        path = f"{label.lower()}/{place:03d}.flac"
        write_flac(folder / path, as_recorded(SHORT_SOUNDS[label](rng, rng.uniform(0.8, 3.0))), SAMPLE_RATE_HZ)
        uploader = UPLOADERS[place]
        clips.append(
            (
                path,
                label,
                "1" if number % 3 == 0 else "0",
                uploader,
                LICENCES[place % 3],
                uploader,
                f"{label.lower()},demo",
            )
        )
        for turn, rating in enumerate(RATINGS[number % len(RATINGS)]):
            ratings.append((path, label, f"rater{turn + 1:02d}", rating))
    write_table(
        folder / "taxonomy.csv",
        ("id", "name", "parents", "description"),
        ((label.lower(), label, "", f"{label}, synthesised.") for label in SHORT_SOUNDS),
    )
    write_table(folder / "clips.csv", ("path", "label", "verified", "group", "licence", "uploader", "tags"), clips)
    write_table(folder / "ratings.csv", ("clip", "category", "annotator", "rating"), ratings)
    config = folder / "pipeline.toml"
    config.write_text(CONFIG.format(path=config, slug=SLUG, title=TITLE, description=description), encoding="utf-8")
    return config
