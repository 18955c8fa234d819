from __future__ import annotations

from typing import Any

import numpy as np
import pytest

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
