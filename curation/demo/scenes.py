"""The first dataset of the demonstration: recordings of five acoustic scenes, as a lab would hand them in.

Twelve people recorded; some recordings are too quiet, clipped, not what the task asked for or full of
voices, and were voted out; some still wait for votes. Of the segments, most have ratings that agree, some
have ratings that do not, and some have none, so that there is work for everybody.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from curation.demo.files import write_flac, write_table
from curation.demo.sounds import SAMPLE_RATE_HZ, SCENES, Signal, as_recorded, babble
from curation.domain.naming import segment_name

SLUG = "demo-scenes"
TITLE = "Everyday scenes (demonstration)"
SEGMENT_S = 10
VOTERS = tuple(f"voter{number:02d}" for number in range(1, 6))
ANNOTATORS = tuple(f"rater{number:02d}" for number in range(1, 5))

Fate = Literal["good", "quiet", "clipped", "wrong", "voices", "new", "begun", "disputed"]
GAIN_DB = {"quiet": -46.0, "clipped": 30.0}

# Answers of the voters in turn, as gain, privacy and acoustic cue.
VOTES: dict[Fate, tuple[str, ...]] = {
    "good": ("yyy", "yyy", "yyy"),
    "quiet": ("nyn", "nyy", "nyn"),
    "clipped": ("nyy", "yyy", "nyy", "nyn"),
    "wrong": ("yyn", "yyy", "yyn", "yyn"),
    "voices": ("yny", "ynn", "yny"),
    "new": (),
    "begun": ("yyy",),
    "disputed": ("yyy", "yyn", "yyy", "nyy"),
}

# Ratings of the segments of good recordings, taken in turn; the last ones leave work.
RATINGS: tuple[tuple[str, ...], ...] = (
    ("PP", "PP"),
    ("PP", "PP"),
    ("PP", "PNP", "PP"),
    ("PNP", "PNP"),
    ("PP", "U", "PP"),
    ("PP", "PP"),
    ("NP", "NP"),
    ("PP", "PNP"),
    ("PP", "NP"),
    ("U",),
    (),
    (),
)

TAXONOMY = (
    ("scene", "Acoustic scene", "", "Where a recording was made, as one hears it."),
    ("indoor", "Indoor scene", "scene", "Inside a building."),
    ("outdoor", "Outdoor scene", "scene", "In the open."),
    ("vehicle", "In a vehicle", "scene", "Inside something that drives."),
    ("bus", "Bus", "vehicle", "The engine's hum, as a passenger hears it."),
    ("kitchen", "Kitchen", "indoor", "Dishes clank; a refrigerator hums."),
    ("park", "Park", "outdoor", "Birds and a light wind."),
    ("restroom", "Restroom", "indoor", "Running water."),
    ("street", "Street", "outdoor", "Footsteps, with traffic far away."),
)

CONFIG = """\
# The demonstration's pipeline. Run it again with: manage.py pipeline {path}
[dataset]
slug = "{slug}"
title = "{title}"
description = "{description}"

[dataset.policy]
train_share = 0.6  # 12 people are few: at the usual 0.8 and 0.1 hardly anybody would fit into validation
val_share = 0.2

[taxonomy]
file = "taxonomy.csv"

[recordings]
manifest = "recordings.csv"

[votes]
file = "votes.csv"

[segment]

[ratings]
file = "ratings.csv"

[split]

[export]
out = "{slug}.zip"
release = "1.0"
"""


@dataclass(frozen=True)
class Recording:
    """One recording of the demonstration."""

    number: int
    scene: str
    participant: int
    seconds: int
    fate: Fate

    @property
    def submission(self) -> str:
        """The submission's id."""
        return str(14_890_000 + 17 * self.number)

    @property
    def path(self) -> str:
        """Its file, relative to the manifest."""
        return f"audio/{self.participant:02d}/{self.scene.lower()}-{self.number:02d}.flac"

    def segments(self) -> list[str]:
        """Return the names that its segments will have."""
        return [
            segment_name(
                file_label=self.scene, participant_number=self.participant, submission_id=self.submission, index=index
            )
            for index in range(self.seconds // SEGMENT_S)
        ]


def recordings() -> list[Recording]:
    """Return the recordings: each person's scenes and what becomes of them, the same every time."""
    scenes = sorted(SCENES)
    plan: list[tuple[str, int, Fate]] = []
    for person in range(12):
        plan += [(scenes[(3 * person + turn) % 5], person + 1, "good") for turn in range((4, 2, 1, 1)[person % 4])]
    bad: tuple[Fate, ...] = ("quiet", "clipped", "wrong", "voices", "new", "new", "begun", "disputed")
    people = (1, 11, 10, 9, 1, 7, 6, 5)  # the first has an account: something rejected and something waiting is shown
    plan += [(scenes[turn % 5], person, fate) for turn, (person, fate) in enumerate(zip(people, bad, strict=True))]
    lengths = (31, 25, 42, 33, 27, 36, 65, 29)
    return [
        Recording(number, scene, person, lengths[number % len(lengths)] if fate == "good" else 25, fate)
        for number, (scene, person, fate) in enumerate(plan)
    ]


def sound_of(recording: Recording) -> Signal:
    """Return what the recording holds, shape (samples,)."""
    rng = np.random.default_rng([2022, recording.number])
    scene = recording.scene
    if recording.fate == "wrong":  # another scene than the task asked for
        scene = sorted(SCENES)[(sorted(SCENES).index(scene) + 2) % 5]
    sound = SCENES[scene](rng, float(recording.seconds))
    if recording.fate == "voices":
        return np.asarray(0.2 * sound + babble(rng, float(recording.seconds)))
    return sound


def write_files(folder: Path, description: str) -> Path:
    """Write audio, tables and configuration.

    Parameters
    ----------
    folder : Path
        Made if missing; files in it are written over.
    description : str
        What the dataset says of itself.

    Returns
    -------
    Path
        The configuration for `pipeline`.
    """
    plan = recordings()
    for recording in plan:
        samples = as_recorded(sound_of(recording), gain_db=GAIN_DB.get(recording.fate, 0.0))
        if recording.number % 4 == 1:  # some telephones record two channels
            samples = np.stack([samples, np.roll(samples, 12)], axis=1)
        write_flac(folder / recording.path, samples, SAMPLE_RATE_HZ)
    write_table(folder / "taxonomy.csv", ("id", "name", "parents", "description"), TAXONOMY)
    write_table(
        folder / "recordings.csv",
        ("path", "category", "participant", "submission", "device", "licence"),
        ((row.path, row.scene, f"user{row.participant:04d}", row.submission, "telephone", "cc0-1.0") for row in plan),
    )
    write_table(folder / "votes.csv", ("submission", "voter", "gain", "privacy", "acoustic_cue"), _votes(plan))
    write_table(folder / "ratings.csv", ("clip", "category", "annotator", "rating"), _ratings(plan))
    config = folder / "pipeline.toml"
    config.write_text(CONFIG.format(path=config, slug=SLUG, title=TITLE, description=description), encoding="utf-8")
    return config


def _votes(plan: list[Recording]) -> Iterator[tuple[str, ...]]:
    for row in plan:
        for turn, answers in enumerate(VOTES[row.fate]):
            voter = VOTERS[(row.number + turn) % len(VOTERS)]
            yield row.submission, voter, *("yes" if answer == "y" else "no" for answer in answers)


def _ratings(plan: list[Recording]) -> Iterator[tuple[str, ...]]:
    clips = [(name, row.scene) for row in plan if row.fate == "good" for name in row.segments()]
    for place, (name, scene) in enumerate(clips):
        for turn, rating in enumerate(RATINGS[place % len(RATINGS)]):
            yield name, scene, ANNOTATORS[(place + turn) % len(ANNOTATORS)], rating
