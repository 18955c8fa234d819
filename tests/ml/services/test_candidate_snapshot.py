"""Which labels teach and which are judged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ml.selectors.candidates import Claim
from ml.services.candidate_snapshot import Snapshot, content_key

NAMES = {1: "Noise", 2: "Bus", 3: "Tone"}


def claim(annotation: int, clip: int, category: int, *, confirmed: bool = False, person: int | None = None) -> Claim:
    return Claim(
        annotation=annotation,
        clip=clip,
        category=category,
        state="settled" if confirmed else "unrated",
        came_verified=False,
        participant=clip if person is None else person,
        duration_s=clip / 10,
        sample_rate_hz=44_100 if clip % 3 else 8_000,
        audio_key=f"clips/{clip}.wav",
    )


BASE = [
    claim(10, 1, 1, confirmed=True),
    claim(20, 2, 2, confirmed=True),
    claim(30, 3, 1),
    claim(40, 4, 2),
]


def test_clips_with_one_label_teach_it() -> None:
    snapshot = Snapshot.of(BASE, NAMES)
    one = snapshot.candidates
    assert one.classes == ("Bus", "Noise")  # by name
    assert snapshot.category_K.tolist() == [2, 1]
    assert one.label_N.tolist() == [1, 0, 1, 0]
    assert one.verified_N.tolist() == [True, True, False, False]
    assert not one.test_N.any()
    assert one.key_N[0] == content_key("clips/1.wav")
    assert one.duration_s_N.tolist() == [0.1, 0.2, 0.3, 0.4]
    assert snapshot.sample_rate_hz == 44_100
    assert snapshot.annotation_A.tolist() == [10, 20, 30, 40]
    assert snapshot.row_A.tolist() == [0, 1, 2, 3]


def test_a_confirmed_label_among_several_teaches_and_the_others_are_judged() -> None:
    snapshot = Snapshot.of([*BASE, claim(50, 5, 1, confirmed=True), claim(51, 5, 2)], NAMES)
    assert snapshot.candidates.label_N[4] == 1
    assert snapshot.candidates.verified_N[4]
    assert snapshot.annotation_A[4:].tolist() == [50, 51]
    assert snapshot.row_A[4:].tolist() == [4, 4]
    assert snapshot.class_A[4:].tolist() == [1, 0]
    assert snapshot.confirmed_A[4:].tolist() == [True, False]


def test_a_clip_with_several_open_labels_is_predicted_only() -> None:
    snapshot = Snapshot.of([*BASE, claim(50, 5, 1), claim(51, 5, 2)], NAMES)
    assert (snapshot.candidates.label_N[4], snapshot.candidates.test_N[4]) == (-1, True)
    assert snapshot.annotation_A[4:].tolist() == [50, 51]


def test_what_nothing_can_be_said_of_is_left_out() -> None:
    several = [claim(50, 5, 1, confirmed=True), claim(51, 5, 2, confirmed=True)]  # two classes, and nothing to judge
    untaught = [claim(60, 6, 1), claim(61, 6, 3)]  # no clip teaches category 3
    snapshot = Snapshot.of([*BASE, *several, *untaught], NAMES)
    assert snapshot.candidates.classes == ("Bus", "Noise")
    assert snapshot.clip_N.tolist() == [1, 2, 3, 4, 6]
    assert snapshot.annotation_A.tolist() == [10, 20, 30, 40, 60]


def test_clips_of_one_person_are_one_group() -> None:
    people = [claim(each.annotation, each.clip, each.category, confirmed=each.confirmed, person=7) for each in BASE[:3]]
    snapshot = Snapshot.of([*people, BASE[3]], NAMES)
    assert snapshot.candidates.group_N[:3].tolist() == [snapshot.candidates.group_N[0]] * 3
    assert snapshot.candidates.group_N[3] != snapshot.candidates.group_N[0]


@pytest.mark.parametrize(
    ("claims", "told"),
    [
        (BASE[:2], "nothing to judge"),
        ([*BASE[1:2], *BASE[2:]], "verified clips of at least 2 classes"),
        (
            [claim(each.annotation, each.clip, each.category, confirmed=each.confirmed, person=7) for each in BASE],
            "one part",
        ),
        ([], "nothing to judge"),
    ],
    ids=["all confirmed", "one class", "one person", "none"],
)
def test_what_leaves_nothing_to_learn_or_judge_is_refused(claims: list[Claim], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Snapshot.of(claims, NAMES)


def test_a_snapshot_is_read_as_it_was_written(tmp_path: Path) -> None:
    snapshot = Snapshot.of([*BASE, claim(50, 5, 1), claim(51, 5, 2)], {**NAMES, 1: "Café; 소음"})
    snapshot.write(tmp_path / "candidates.npz")
    read = Snapshot.read(tmp_path / "candidates.npz")
    assert read.candidates.digest() == snapshot.candidates.digest()
    assert read.candidates.classes == snapshot.candidates.classes
    for name in ("clip_N", "category_K", "annotation_A", "row_A", "class_A", "confirmed_A"):
        assert np.array_equal(getattr(read, name), getattr(snapshot, name)), name
    assert read.sample_rate_hz == snapshot.sample_rate_hz
    assert [path.name for path in tmp_path.iterdir()] == ["candidates.npz"]
