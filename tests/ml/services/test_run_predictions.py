"""Rows of predictions: all that they say of a clip leaves out what people ruled out for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ml.models import VerificationRun
from ml.recipes.plan import Verdict
from ml.selectors.needs import CategoryNeeds
from ml.services.candidate_snapshot import Snapshot
from ml.services.judged_labels import JudgedLabels
from ml.services.run_predictions import _rows
from tests.ml.services.seven_labels import claim

NAMES = {1: "Bus", 2: "Tone", 3: "Zug"}
SNAPSHOT = Snapshot.of(
    [
        claim(10, 1, 1, 7, confirmed=True),
        claim(20, 2, 2, 8, confirmed=True),
        claim(30, 3, 3, 7, confirmed=True),
        claim(40, 4, 2, 8),
        claim(41, 4, 1, 8, rejected=True),
    ],
    NAMES,
)


def rows() -> dict[int, Any]:
    """Let two members agree on the last clip but for the class that people found absent."""
    p_MNK = np.array([[[0.2, 0.4, 0.4]] * 3 + [[0.0, 0.75, 0.25]], [[0.2, 0.4, 0.4]] * 3 + [[0.8, 0.15, 0.05]]])
    verdict = Verdict(
        p_NK=p_MNK.mean(axis=0),
        p_MNK=p_MNK,
        p_correct_N=np.full(4, 0.75),
        label_N=np.array([0, 1, 2, 1]),
        accept_N=np.zeros(4, dtype=np.bool_),
    )
    count = len(SNAPSHOT.annotation_A)
    labels = JudgedLabels(
        snapshot=SNAPSHOT,
        verdict=verdict,
        place_A=np.arange(count),
        basis_A=["candidate"] * 4 + ["rejected"],
        p_correct_A=np.array([0.75] * 4 + [0.0]),
        admitted_A=np.zeros(count, dtype=np.bool_),
        would_accept_A=np.zeros(count, dtype=np.bool_),
    )
    needs = CategoryNeeds(need_K=np.zeros(3), quality_K=np.ones(3))
    return {row.annotation_id: row for row in _rows(VerificationRun(), labels, needs, np.arange(count))}


def test_a_clip_of_which_nothing_is_ruled_out_is_told_as_it_was_heard() -> None:
    row = rows()[10]
    assert row.top == [[2, 0.4], [3, 0.4], [1, 0.2]]
    assert row.p_members == [0.2, 0.2]


def test_members_and_guesses_leave_out_what_people_ruled_out() -> None:
    row = rows()[40]
    assert row.p_members == pytest.approx([0.75, 0.75])  # of what is left
    assert row.top == [[2, pytest.approx(0.75)], [3, pytest.approx(0.25)]]
    assert row.disagreement == pytest.approx(0.0, abs=1e-9)  # they differed in the absent class alone


def test_of_a_rejected_label_the_guesses_say_what_the_clip_may_have_instead() -> None:
    row = rows()[41]
    assert row.p_members == [0.0, 0.0]
    assert [category for category, _ in row.top] == [2, 3]
