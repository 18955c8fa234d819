"""Which labels teach and which are judged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ml.selectors.candidates import Claim
from ml.services.candidate_snapshot import Snapshot, content_key

NAMES = {1: "Noise", 2: "Bus", 3: "Tone"}


def claim(
    annotation: int,
    clip: int,
    category: int,
    *,
    confirmed: bool = False,
    rejected: bool = False,
    came_verified: bool = False,
    person: int | None = None,
) -> Claim:
    return Claim(
        annotation=annotation,
        clip=clip,
        category=category,
        state="settled" if confirmed or rejected else "unrated",
        came_verified=came_verified,
        participant=clip if person is None else person,
        duration_s=clip / 10,
        sample_rate_hz=44_100 if clip % 3 else 8_000,
        audio_key=f"clips/{clip}.wav",
        consensus="NP" if rejected else "PP" if confirmed else "",
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
    answers = [claim(60, 6, 1, rejected=True), claim(70, 7, 1, rejected=True), claim(71, 7, 2, rejected=True)]
    snapshot = Snapshot.of([*BASE, claim(50, 5, 1), claim(51, 5, 2), *answers], {**NAMES, 1: "Café; 소음"})
    snapshot.write(tmp_path / "candidates.npz")
    read = Snapshot.read(tmp_path / "candidates.npz")
    assert read.candidates.digest() == snapshot.candidates.digest()
    assert read.candidates.classes == snapshot.candidates.classes
    for name in ("clip_N", "category_K", "annotation_A", "row_A", "class_A", "confirmed_A", "rejected_A"):
        assert np.array_equal(getattr(read, name), getattr(snapshot, name)), name
    assert read.sample_rate_hz == snapshot.sample_rate_hz
    assert [path.name for path in tmp_path.iterdir()] == ["candidates.npz"]


def test_a_clip_whose_only_label_people_rejected_enters_with_its_category_ruled_out() -> None:
    snapshot = Snapshot.of([*BASE, claim(50, 5, 1, rejected=True)], NAMES)
    one = snapshot.candidates
    assert one.rejected_N.tolist() == [False] * 4 + [True]
    assert (one.label_N[4], one.test_N[4], one.verified_N[4]) == (1, False, False)
    assert one.excluded_NK.tolist() == [[False, False]] * 4 + [[False, True]]
    assert (snapshot.annotation_A[4], snapshot.confirmed_A[4], snapshot.rejected_A[4]) == (50, False, True)


def test_of_several_rejected_labels_none_is_the_one_that_was_given() -> None:
    answers = [claim(50, 5, 1, rejected=True), claim(51, 5, 2, rejected=True)]
    one = Snapshot.of([*BASE, *answers], NAMES).candidates
    assert (one.label_N[4], one.test_N[4]) == (-1, False)
    assert one.excluded_NK[4].tolist() == [True, True]
    assert one.rejected_N[4]
    assert not one.narrowed_N[4]


def test_a_label_beside_a_rejected_one_that_no_clip_teaches_was_not_given_alone() -> None:
    names = {**NAMES, 3: "Zug"}
    answers = [claim(50, 5, 1, rejected=True), claim(51, 5, 3, rejected=True)]
    confirmed = [claim(60, 6, 1, confirmed=True), claim(61, 6, 3, rejected=True)]
    one = Snapshot.of([*BASE, *answers, *confirmed], names).candidates
    assert one.classes == ("Bus", "Noise")
    assert (one.label_N[4], one.test_N[4], one.rejected_N[4]) == (-1, False, True)
    assert one.excluded_NK[4].tolist() == [False, True]
    assert one.reviewed_N is not None
    assert (one.label_N[5], one.verified_N[5], one.reviewed_N[5]) == (1, True, False)


def test_an_open_label_beside_a_rejected_one_is_judged() -> None:
    snapshot = Snapshot.of([*BASE, claim(50, 5, 1, rejected=True), claim(51, 5, 2)], NAMES)
    one = snapshot.candidates
    assert (one.label_N[4], one.candidate_N[4]) == (0, True)
    assert one.excluded_NK[4].tolist() == [False, True]
    assert snapshot.annotation_A[4:].tolist() == [50, 51]
    assert snapshot.rejected_A[4:].tolist() == [True, False]


def test_of_several_open_labels_beside_a_rejected_one_the_clip_teaches_none() -> None:
    names = {**NAMES, 4: "Zug"}
    more = [claim(60, 6, 4, confirmed=True), claim(50, 5, 1), claim(51, 5, 2), claim(52, 5, 4, rejected=True)]
    one = Snapshot.of([*BASE, *sorted(more, key=lambda each: each.clip)], names).candidates
    assert one.test_N[4]
    assert one.excluded_NK[4].tolist() == [False, False, True]


def test_a_confirmed_label_beside_a_rejected_one_is_verified() -> None:
    one = Snapshot.of([*BASE, claim(50, 5, 1, confirmed=True), claim(51, 5, 2, rejected=True)], NAMES).candidates
    assert one.verified_N[4]
    assert one.excluded_NK[4].tolist() == [True, False]


def test_a_rejected_label_of_a_category_that_no_clip_teaches_says_nothing() -> None:
    snapshot = Snapshot.of([*BASE, claim(50, 5, 3, rejected=True)], NAMES)
    assert snapshot.clip_N.tolist() == [1, 2, 3, 4]


def test_only_labels_that_came_as_candidates_show_how_candidates_err() -> None:
    answers = [
        claim(50, 5, 1, confirmed=True, came_verified=True),
        claim(60, 6, 1, rejected=True, came_verified=True),
        claim(70, 7, 1, confirmed=True),
        claim(71, 7, 2, rejected=True),  # of two labels of one clip the one that was given is not known
    ]
    one = Snapshot.of([*BASE, *answers], NAMES).candidates
    assert one.reviewed_N is not None
    assert one.reviewed_N.tolist() == [True, True, False, False, False, False, False]
    assert one.label_N[5] == -1
    assert one.rejected_N[5]


def test_a_snapshot_from_before_there_was_feedback_is_read_without_any(tmp_path: Path) -> None:
    snapshot = Snapshot.of(BASE[2:] + [replace_verified(each) for each in BASE[:2]], NAMES)
    snapshot.write(tmp_path / "candidates.npz")
    with np.load(tmp_path / "candidates.npz") as stored:
        old = {name: stored[name] for name in stored.files if name not in ("ruled_out", "reviewed", "rejected")}
    np.savez(tmp_path / "old.npz", **old)  # type: ignore[arg-type]  # numpy's stubs take these for options
    read = Snapshot.read(tmp_path / "old.npz")
    assert read.candidates.digest() == snapshot.candidates.digest()
    assert not read.rejected_A.any()


def replace_verified(each: Claim) -> Claim:
    """Return a claim that came verified instead of having been confirmed."""
    return each._replace(state="unrated", consensus="", came_verified=True)
