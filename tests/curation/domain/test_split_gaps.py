from __future__ import annotations

import numpy as np
import pytest

from curation.domain.greedy_split import class_table, greedy_split
from curation.domain.shares import Shares
from curation.domain.split_gaps import TRIED, helpful_shares, remedy, split_gaps

SHARES = {"train": 0.8, "val": 0.1}


def test_a_split_with_every_class_in_every_part_has_no_gap() -> None:
    assert split_gaps({"Bus": {"train": 8, "val": 1, "test": 1}}, SHARES) == []


@pytest.mark.parametrize("part", ["train", "val", "test"])
def test_an_empty_part_is_named_without_advice(part: str) -> None:
    full = {"train": 8, "val": 1, "test": 1}
    (gap,) = split_gaps({"Bus": full | {part: 0}, "Park": full | {part: 0}}, SHARES)
    assert "is empty" in gap
    assert "--train" not in gap


def _gaps(clips: list[int], train: str, val: str) -> list[str]:
    """Return the gaps of people with so many clips of one class."""
    counts, shares = np.array(clips).reshape(-1, 1), Shares.parse(train, val)
    codes = [f"user{number}" for number in range(len(clips))]
    (held,) = class_table(counts, greedy_split(counts, sizes=counts[:, 0], codes=codes, shares=shares)).tolist()
    return split_gaps({"Bus": dict(zip(("train", "val", "test"), held, strict=True))}, shares.to_document())


def test_it_is_not_said_of_people_in_training_that_they_would_not_fit() -> None:
    assert _gaps([85, 5, 5, 5], "0.8", "0.1") == [
        "The validation part is empty: of the people whom training left, nobody's clips fit into 10% of each class."
    ]


def test_an_empty_training_part_is_one_into_which_nobody_fits() -> None:
    assert _gaps([90, 10], "0.05", "0.125") == [
        "The training part is empty: nobody's clips fit into 5% of each class.",
    ]
    assert _gaps([50, 50], "0.125", "0") == [
        "The training part is empty: nobody's clips fit into 12.5% of each class.",
    ]


def test_a_share_of_less_than_a_clip_is_told_as_such() -> None:
    assert _gaps([1] * 9, "0.8", "0.1") == [
        "The validation part is empty: 10% of each class is less than a whole clip."
    ]


def test_a_part_of_a_tiny_share_is_no_rounding_error() -> None:
    assert "The validation part is empty" in " ".join(_gaps([1, 1], "0.5", "1e-10"))


def test_missing_classes_are_named_and_many_are_counted() -> None:
    full = {"train": 8, "val": 1, "test": 1}
    table = {"Full": full} | {f"Class {number}": full | {"val": 0} for number in range(7)}
    (gap,) = split_gaps(table, SHARES)
    assert gap.startswith("The validation part has no clip of Class 0, Class 1, Class 2, Class 3, Class 4 and 2 more.")


def test_a_part_that_may_hold_nothing_lacks_nothing() -> None:
    table = {"Bus": {"train": 9, "val": 0, "test": 1}}
    assert split_gaps(table, {"train": "0.9", "val": "0"}) == []
    assert split_gaps({"Bus": {"train": 9, "val": 1, "test": 0}}, {"train": 0.9, "val": 0.1}) == []


def _helpful(counts: list[list[int]], train: str, val: str) -> Shares | None:
    clips = np.array(counts)
    codes = [f"user{number}" for number in range(len(counts))]
    return helpful_shares(clips, sizes=clips.sum(axis=1), codes=codes, shares=Shares.parse(train, val))


def test_shares_are_named_that_fill_every_part() -> None:
    counts = [[10]] * 4
    found = _helpful(counts, "0.8", "0.1")
    assert found is not None
    part = greedy_split(np.array(counts), sizes=np.array([10] * 4), codes=["a", "b", "c", "d"], shares=found)
    assert class_table(np.array(counts), part).all()
    assert "--train 0." in remedy(found)


@pytest.mark.parametrize(("train", "val"), TRIED)
def test_no_shares_are_named_where_none_help(train: str, val: str) -> None:
    assert _helpful([[10], [10]], train, val) is None  # two people never fill three parts
    assert _helpful([[10]] * 100, train, val) is None  # nothing is amiss
    assert remedy(None) == "Collect from more people."


@pytest.mark.parametrize(("train", "val"), TRIED)
def test_the_shares_just_used_are_never_named(train: str, val: str) -> None:
    for people in range(1, 12):
        assert _helpful([[7, 3]] * people, train, val) != Shares.parse(train, val)
