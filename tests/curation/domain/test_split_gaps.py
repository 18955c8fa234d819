from __future__ import annotations

import numpy as np
import pytest

from curation.domain.greedy_split import Shares, class_table, greedy_split
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
