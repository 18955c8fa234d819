from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ml.recipes.feedback_cases import rejecting
from tests.ml.recipes.small_run import make_candidates


def test_clips_are_verified_judged_or_for_test() -> None:
    test_N = np.arange(24) >= 21
    label_N = np.where(test_N, -1, np.arange(24) % 3)

    candidates = make_candidates(test_N=test_N, label_N=label_N)

    # Groups of three clips: 0 and 1 are verified, 2 and 3 are not, and of the last group (21 to 23) all are for test.
    assert len(candidates) == 24
    assert candidates.n_classes == 3
    assert np.flatnonzero(candidates.candidate_N).tolist() == [6, 7, 8, 9, 10, 11, 18, 19, 20]
    assert np.flatnonzero(~candidates.trained_N).tolist() == [21, 22, 23]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"label_N": np.zeros(5, dtype=np.int64)}, r"label_N has the shape \(5,\): expected \(24,\)"),
        ({"duration_s_N": np.zeros((24, 1))}, r"duration_s_N has the shape \(24, 1\): expected \(24,\)"),
        ({"classes": ("one",)}, "Classes of the labels: one. Expected at least 2; add clips"),
        ({"label_N": np.full(24, -1)}, "not for test has no candidate label"),
        ({"test_N": np.ones(24, dtype=np.bool_)}, "for test is marked as verified"),
        (
            {"verified_N": np.zeros(24, dtype=np.bool_)},
            "Verified clips: 0, of classes: 0. .* have people rate some clips of each category first",
        ),
        ({"verified_N": np.arange(24) % 3 == 0}, "Verified clips: 8, of classes: 1"),
    ],
)
def test_columns_that_leave_nothing_to_learn_are_refused(columns: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_candidates(**columns)


def test_a_class_that_only_non_verified_clips_have_is_a_class() -> None:
    label_N = np.arange(24) % 3
    label_N[-1] = 3

    candidates = make_candidates(label_N=label_N, classes=("a", "b", "c", "d"))

    assert 3 not in candidates.label_N[candidates.verified_N]
    assert candidates.n_classes == 4


def test_the_digest_sees_every_column() -> None:
    changed = {
        "key_N": tuple(f"{number:064x}" for number in range(1, 25)),
        "classes": ("class 0", "class 1", "class two"),
        "label_N": np.where(np.arange(24) == 5, 0, np.arange(24) % 3),
        "verified_N": np.arange(24) < 12,
        "test_N": np.isin(np.arange(24), [10]),
        "group_N": np.arange(24),
        "duration_s_N": np.full(24, 0.4),
    }

    digests = [make_candidates(**{name: value}).digest() for name, value in changed.items()]

    assert len({make_candidates().digest(), *digests}) == 8
    assert make_candidates().digest() == make_candidates().digest()


def test_a_clip_whose_only_label_people_rejected_is_neither_learned_from_nor_judged() -> None:
    # Clips 6 and 7 are candidates of classes 0 and 1; clip 7 keeps its label and loses another class.
    candidates = rejecting(rejecting(make_candidates(), 6, 0), 7, 2)

    assert np.flatnonzero(candidates.rejected_N).tolist() == [6]
    assert np.flatnonzero(candidates.narrowed_N).tolist() == [6]
    assert not candidates.trained_N[6]
    assert not candidates.candidate_N[6]
    assert candidates.candidate_N[7]
    assert candidates.same_source_N[[6, 7]].all()


def test_several_labels_may_be_rejected_and_all_of_them() -> None:
    candidates = rejecting(rejecting(make_candidates(), 6, 0, 1, label=-1), 7, 0, 1, 2, label=-1)

    assert np.flatnonzero(candidates.rejected_N).tolist() == [6, 7]
    assert np.flatnonzero(candidates.narrowed_N).tolist() == [6]
    assert not candidates.same_source_N[7]


def test_a_clip_for_test_stays_one_whatever_is_ruled_out() -> None:
    candidates = make_candidates(test_N=np.arange(24) == 6, label_N=np.where(np.arange(24) == 6, -1, np.arange(24) % 3))

    assert not rejecting(candidates, 6, 0, 1, 2).rejected_N.any()


def test_what_people_answered_shows_how_labels_err_and_what_came_verified_does_not() -> None:
    candidates = make_candidates()
    reviewed_N = np.arange(24) == 3
    assert candidates.verified_N[3]

    shown_N = replace(candidates, reviewed_N=reviewed_N).same_source_N

    np.testing.assert_array_equal(shown_N, candidates.candidate_N | reviewed_N)
    np.testing.assert_array_equal(candidates.same_source_N, candidates.candidate_N)


def test_the_digest_sees_what_people_said_and_is_as_before_where_they_said_nothing() -> None:
    candidates = make_candidates()
    nothing = replace(
        candidates, ruled_out_NK=np.zeros((24, 3), dtype=np.bool_), reviewed_N=np.zeros(24, dtype=np.bool_)
    )
    said = [
        rejecting(candidates, 6, 0),
        rejecting(candidates, 6, 0, 1),
        rejecting(candidates, 7, 2),
        replace(candidates, reviewed_N=np.arange(24) == 3),
        replace(candidates, reviewed_N=np.arange(24) == 4),
    ]

    assert nothing.digest() == candidates.digest()
    # Of the form before there was feedback: whoever resumes a run of then finds it again.
    assert candidates.digest() == "6f84c2d59313c8a70b0dbf3582b042a048aed93d8c15c8878c44915fbaae61de"
    assert len({candidates.digest(), *(one.digest() for one in said)}) == 6


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"ruled_out_NK": np.zeros((24, 2), dtype=np.bool_)}, r"ruled_out_NK has the shape \(24, 2\)"),
        ({"ruled_out_NK": np.ones((24, 3), dtype=np.bool_)}, "A verified label is ruled out"),
        ({"reviewed_N": np.zeros(5, dtype=np.bool_)}, r"reviewed_N has the shape \(5,\)"),
        ({"reviewed_N": np.ones(24, dtype=np.bool_)}, "marked as reviewed whose label is not verified"),
    ],
)
def test_answers_that_do_not_fit_are_refused(columns: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_candidates(**columns)


@given(st.integers(0, 10_000))
def test_each_clip_is_of_one_kind(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ruled_out_NK = rng.random((24, 3)) < rng.random()
    candidates = make_candidates()
    ruled_out_NK[candidates.verified_N] = False

    candidates = replace(candidates, ruled_out_NK=ruled_out_NK)

    kinds = [candidates.verified_N, candidates.candidate_N, candidates.test_N, candidates.rejected_N]
    np.testing.assert_array_equal(np.sum(kinds, axis=0), 1)
    assert not (candidates.rejected_N & candidates.trained_N).any()
    assert not (candidates.narrowed_N & ~candidates.rejected_N).any()
