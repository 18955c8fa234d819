from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.training.folds import group_folds, linked_groups

CLIPS = st.lists(st.tuples(st.integers(-1, 3), st.integers(0, 6), st.booleans()), min_size=1, max_size=40)


@given(clips=CLIPS, n_folds=st.integers(2, 5), seed=st.integers(0, 3))
def test_no_group_stands_in_two_folds_and_no_fold_is_empty(
    clips: list[tuple[int, int, bool]], n_folds: int, seed: int
) -> None:
    labels, groups, verified = zip(*clips, strict=True)

    folds = group_folds(labels, groups, verified, n_folds=n_folds, seed=seed)

    assert all(len({fold for fold, other in zip(folds, groups, strict=True) if other == one}) == 1 for one in groups)
    assert set(folds.tolist()) == set(range(min(n_folds, len(set(groups)))))
    np.testing.assert_array_equal(folds, group_folds(labels, groups, verified, n_folds=n_folds, seed=seed))


@given(
    clips=st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=5, max_size=60),
    n_folds=st.integers(2, 5),
    seed=st.integers(0, 3),
)
def test_clips_without_groups_are_stratified_to_within_one(
    clips: list[tuple[int, bool]], n_folds: int, seed: int
) -> None:
    labels, verified = (np.array(column) for column in zip(*clips, strict=True))

    folds = group_folds(labels, np.arange(len(clips)), verified, n_folds=n_folds, seed=seed)

    for stratum in set(clips):
        mine = (labels == stratum[0]) & (verified == stratum[1])
        counts = np.bincount(folds[mine], minlength=n_folds)
        assert counts.max() - counts.min() <= 1


def test_groups_are_divided_so_that_folds_have_alike_classes() -> None:
    # Four people with four clips of class 0 each, four with two of class 1: two folds of two people of each kind.
    labels = [0] * 16 + [1] * 8
    groups = np.repeat(list("abcdefgh"), [4, 4, 4, 4, 2, 2, 2, 2])

    folds = group_folds(labels, groups, [True] * 24, n_folds=2, seed=0)

    assert np.bincount(folds[:16]).tolist() == [8, 8]
    assert np.bincount(folds[16:]).tolist() == [4, 4]


def test_verified_and_non_verified_clips_are_divided_separately() -> None:
    # Without looking at the flag, {a, b} and {c, d} would do as well.
    folds = group_folds([0] * 4, list("abcd"), [True, True, False, False], n_folds=2, seed=0)

    assert folds[0] != folds[1]
    assert folds[2] != folds[3]


def test_fewer_groups_than_folds_give_fewer_folds() -> None:
    assert sorted(group_folds([0, 0, 1], [7, 7, 5], [True] * 3, n_folds=4, seed=0).tolist()) in ([0, 0, 1], [0, 1, 1])
    assert group_folds([0, 1], ["x", "x"], [True, False], n_folds=4, seed=0).tolist() == [0, 0]
    assert group_folds([], [], [], n_folds=2, seed=0).tolist() == []


def test_the_seed_decides_between_equal_groups() -> None:
    found = {tuple(group_folds([0] * 8, range(8), [True] * 8, n_folds=2, seed=seed)) for seed in range(5)}

    assert len(found) > 1


def test_many_single_clips_take_little_time() -> None:
    rng = np.random.default_rng(0)

    folds = group_folds(rng.integers(0, 41, 9473), np.arange(9473), rng.random(9473) < 0.4, n_folds=4, seed=0)

    assert np.bincount(folds).max() - np.bincount(folds).min() <= 82  # one for each class and flag


@pytest.mark.parametrize(
    ("arguments", "n_folds", "message"),
    [
        (([0], [0, 1], [True]), 2, r"labels \(1,\), groups \(2,\), verified \(1,\): expected as many each"),
        (([0], [0], [True]), 1, "n_folds = 1: expected at least 2"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(
    arguments: tuple[list[int], list[int], list[bool]], n_folds: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        group_folds(*arguments, n_folds=n_folds, seed=0)


def test_clips_are_linked_through_any_key() -> None:
    people = ["ann", "ann", "bob", None, None, "cas", None]
    sources = ["s1", "s2", "s2", "s3", "s3", None, None]

    # Ann's two clips and Bob's share s2; two clips of nobody share s3; the last two share nothing.
    assert linked_groups(people, sources).tolist() == [0, 0, 0, 1, 1, 2, 3]


@given(st.lists(st.tuples(st.none() | st.integers(0, 4), st.none() | st.integers(0, 4)), min_size=1, max_size=20))
def test_clips_that_share_a_key_share_a_group(keys: list[tuple[int | None, int | None]]) -> None:
    groups = linked_groups(*zip(*keys, strict=True))

    for one, left in enumerate(keys):
        for other, right in enumerate(keys):
            if any(a is not None and a == b for a, b in zip(left, right, strict=True)):
                assert groups[one] == groups[other]


def test_keys_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match=r"keys of the lengths \[1, 2\]: expected at least one"):
        linked_groups(["a"], ["b", "c"])
