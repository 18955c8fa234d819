from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ml.recipes.candidates import CandidateSet
from ml.recipes.plan import Verdict
from ml.services.predictions_file import write_predictions
from tests.factories.verification import read_predictions
from tests.ml.recipes.small_run import make_candidates

CLASSES = ('Bus, "red"', "Tram", "Zug", "Überland")
P_NK = np.array([[0.1, 0.2, 0.3, 0.4], [0.7, 0.1, 0.1, 0.1], [0.25, 0.25, 0.25, 0.25], [0.0, 0.5, 0.5, 0.0]])
NAMES = ("a.wav", "b, c.wav", "d.wav", "é.wav")


def candidates(**columns: object) -> CandidateSet:
    """Two verified clips, one that is judged, one for test."""
    return make_candidates(
        4,
        **{
            "classes": CLASSES,
            "label_N": np.array([3, 0, 1, -1]),
            "verified_N": np.array([True, True, False, False]),
            "test_N": np.array([False, False, False, True]),
            **columns,
        },
    )


def verdict(**columns: object) -> Verdict:
    values = {
        "p_NK": P_NK,
        "p_MNK": P_NK[None],
        "p_correct_N": np.array([0.9, np.nan, 0.25, np.nan]),
        "label_N": np.array([3, 0, 2, 1]),
        "accept_N": np.array([False, False, True, False]),
        **columns,
    }
    return Verdict(**values)  # type: ignore[arg-type]  # mixed


def test_each_clip_has_a_row_in_its_order(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"

    write_predictions(path, names=NAMES, candidates=candidates(), verdict=verdict())

    assert path.read_text(encoding="utf-8").splitlines()[0] == (
        "clip,predicted_label,top3,p_label_correct,priority,auto_accept"
    )
    rows = read_predictions(path)
    assert [row["clip"] for row in rows] == list(NAMES)
    assert [row["predicted_label"] for row in rows] == ["Überland", 'Bus, "red"', "Zug", "Tram"]
    assert [row["top3"] for row in rows] == [
        "Überland;Zug;Tram",
        'Bus, "red";Tram;Zug',
        'Zug;Bus, "red";Tram',  # the label that the run would give, then the most probable ones
        'Tram;Zug;Bus, "red"',
    ]
    assert [row["p_label_correct"] for row in rows] == ["0.9", "", "0.25", ""]
    assert [row["auto_accept"] for row in rows] == ["0", "0", "1", "0"]


def test_only_what_is_judged_has_a_priority(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"

    write_predictions(path, names=NAMES, candidates=candidates(), verdict=verdict())

    priority = [float(row["priority"]) for row in read_predictions(path)]
    assert priority[:2] == [0, 0]
    assert 0 < priority[2] < 1
    assert priority[3] == 0


def test_a_doubtful_short_clip_comes_before_a_sure_or_a_long_one(tmp_path: Path) -> None:
    clips = make_candidates(12, duration_s_N=np.where(np.arange(12) == 7, 30.0, 0.3))  # 6 to 11 are judged
    p_correct_N = np.where(np.arange(12) == 8, 0.95, 0.2)
    even_NK = np.full((12, 3), 1 / 3)
    path = tmp_path / "p.csv"

    write_predictions(
        path,
        names=[f"{n}.wav" for n in range(12)],
        candidates=clips,
        verdict=verdict(
            p_NK=even_NK,
            p_MNK=even_NK[None],
            p_correct_N=p_correct_N,
            label_N=clips.label_N,
            accept_N=np.zeros(12, dtype=np.bool_),
        ),
    )

    priority = [float(row["priority"]) for row in read_predictions(path)]
    assert priority[6] > priority[7] > priority[8] > 0


def test_two_classes_have_a_shorter_list(tmp_path: Path) -> None:
    clips = candidates(classes=("no", "yes"), label_N=np.array([0, 1, 1, -1]))
    path = tmp_path / "p.csv"

    write_predictions(
        path,
        names=NAMES,
        candidates=clips,
        verdict=verdict(p_NK=np.full((4, 2), 0.5), p_MNK=np.full((1, 4, 2), 0.5), label_N=np.array([0, 1, 1, 0])),
    )

    assert [row["top3"] for row in read_predictions(path)] == ["no;yes", "yes;no", "yes;no", "no;yes"]


def test_an_older_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("old\n" * 100)

    write_predictions(path, names=NAMES, candidates=candidates(), verdict=verdict())

    assert len(path.read_text().splitlines()) == 5
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_older_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "p.csv"
    path.write_text("old\n")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ml.services.predictions_file.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_predictions(path, names=NAMES, candidates=candidates(), verdict=verdict())

    assert path.read_text() == "old\n"
    assert list(tmp_path.iterdir()) == [path]


def test_of_a_rejected_clip_only_what_is_left_is_told(tmp_path: Path) -> None:
    # Clip 2 was said to be a tram, which people denied; clip 3 is no class at all.
    ruled_out_NK = np.zeros((4, 4), dtype=np.bool_)
    ruled_out_NK[2, 1] = ruled_out_NK[3] = True
    told = candidates(test_N=np.zeros(4, dtype=np.bool_), ruled_out_NK=ruled_out_NK)

    write_predictions(
        tmp_path / "p.csv",
        names=NAMES,
        candidates=told,
        verdict=verdict(p_correct_N=np.array([0.9, np.nan, 0.0, 0.0]), label_N=np.array([3, 0, 2, -1])),
    )

    rows = read_predictions(tmp_path / "p.csv")
    assert [row["predicted_label"] for row in rows[2:]] == ["Zug", ""]
    assert [row["top3"] for row in rows[2:]] == ['Zug;Bus, "red";Überland', ""]
    assert [(row["p_label_correct"], float(row["priority"])) for row in rows[2:]] == [("0", 0), ("0", 0)]
