from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from curation.audio.measures import measure
from curation.demo import short_sounds
from curation.demo.scenes import GAIN_DB, RATINGS, VOTES, recordings, sound_of
from curation.demo.sounds import SAMPLE_RATE_HZ, SCENES, SHORT_SOUNDS, as_recorded


def test_everybody_recorded_and_every_fate_occurs() -> None:
    plan = recordings()
    assert {row.participant for row in plan} == set(range(1, 13))
    assert {row.fate for row in plan} == set(VOTES)
    assert {row.scene for row in plan} == set(SCENES)
    assert len({row.submission for row in plan}) == len({row.path for row in plan}) == len(plan)
    assert () in RATINGS


@pytest.mark.parametrize("fate", ["good", "quiet", "clipped"])
def test_a_bad_recording_is_measurably_bad(fate: str) -> None:
    recording = next(row for row in recordings() if row.fate == fate)
    measures = measure(as_recorded(sound_of(recording), gain_db=GAIN_DB.get(fate, 0.0)), SAMPLE_RATE_HZ)
    assert (measures.clipped_share > 0.01) == (fate == "clipped")
    assert ((measures.loudness_lufs or -99.0) < -60.0) == (fate == "quiet")


@pytest.mark.parametrize("name", [*SCENES, *SHORT_SOUNDS])
def test_a_sound_is_finite_and_the_same_every_time(name: str) -> None:
    make = {**SCENES, **SHORT_SOUNDS}[name]
    first, second = (make(np.random.default_rng(5), 3.0) for _ in range(2))
    assert first.shape == (3 * SAMPLE_RATE_HZ,)
    assert np.isfinite(first).all()
    assert np.array_equal(first, second)


def test_short_sounds_come_with_tags_licences_and_work_left(tmp_path: Path) -> None:
    short_sounds.write_files(tmp_path, "description")
    with (tmp_path / "clips.csv").open(newline="") as file:
        clips = list(csv.DictReader(file))
    with (tmp_path / "ratings.csv").open(newline="") as file:
        rated = Counter(row["clip"] for row in csv.DictReader(file))
    assert all((tmp_path / row["path"]).is_file() and row["tags"] and row["licence"] for row in clips)
    assert len(rated) < len(clips)
