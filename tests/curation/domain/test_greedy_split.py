from __future__ import annotations

from fractions import Fraction
from time import perf_counter

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse

from curation.domain.greedy_split import TEST, TRAIN, VAL, class_table, greedy_split
from curation.domain.shares import Shares

PAPER = Shares(Fraction(4, 5), Fraction(1, 10))
matrices = st.tuples(st.integers(1, 12), st.integers(1, 5)).flatmap(
    lambda shape: arrays(np.int64, shape, elements=st.integers(0, 30))
)
shares = st.tuples(st.integers(0, 100), st.integers(0, 100)).map(
    lambda cuts: Shares(Fraction(min(cuts), 100), Fraction(max(cuts) - min(cuts), 100))
)


def codes_of(counts: np.ndarray) -> list[str]:
    return [f"user{row:04d}" for row in range(counts.shape[0])]


def split(counts: np.ndarray, limits: Shares = PAPER) -> np.ndarray:
    return greedy_split(counts, sizes=counts.sum(axis=1), codes=codes_of(counts), shares=limits)


def by_the_words(counts: np.ndarray, limits: Shares) -> list[int]:
    """The paper's paragraph, word by word, with fractions."""
    rows = list(range(counts.shape[0]))
    rows.sort(key=lambda row: codes_of(counts)[row])
    rows.sort(key=lambda row: -counts[row].sum())
    part = dict.fromkeys(rows, TEST)
    for target, share in ((TRAIN, limits.train), (VAL, limits.val)):
        held = [0] * counts.shape[1]
        for row in rows:
            after = [have + int(more) for have, more in zip(held, counts[row], strict=True)]
            exceeds = any(
                Fraction(clips) > share * int(total) for clips, total in zip(after, counts.sum(axis=0), strict=True)
            )
            if part[row] == TEST and not exceeds and share:  # no part is made that is not asked for
                part[row], held = target, after
    return [part[row] for row in range(counts.shape[0])]


@given(matrices, shares)
def test_the_split_is_the_papers_word_by_word(counts: np.ndarray, limits: Shares) -> None:
    assert split(counts, limits).tolist() == by_the_words(counts, limits)


@given(matrices, shares)
@example(np.full((10, 1), 3), PAPER)
def test_no_class_is_over_its_share(counts: np.ndarray, limits: Shares) -> None:
    table = class_table(counts, split(counts, limits))
    for held, total in zip(table.tolist(), counts.sum(axis=0).tolist(), strict=True):
        assert sum(held) == total
        assert held[TRAIN] <= limits.train * total
        assert held[VAL] <= limits.val * total


@given(matrices, shares)
def test_everybody_left_over_would_not_have_fitted(counts: np.ndarray, limits: Shares) -> None:
    part = split(counts, limits)
    table, totals = class_table(counts, part), counts.sum(axis=0)
    for row in np.flatnonzero(part != TRAIN):
        after = (table[:, TRAIN] + counts[row]).tolist()
        beyond = any(clips > limits.train * int(total) for clips, total in zip(after, totals, strict=True))
        assert beyond or not limits.train


@given(matrices, shares, st.randoms(use_true_random=False))
def test_the_order_of_rows_and_classes_does_not_matter(counts: np.ndarray, limits: Shares, random: object) -> None:
    rows, columns = list(range(counts.shape[0])), list(range(counts.shape[1]))
    random.shuffle(rows)  # type: ignore[attr-defined]
    random.shuffle(columns)  # type: ignore[attr-defined]
    shuffled = counts[rows][:, columns]
    codes = [codes_of(counts)[row] for row in rows]
    part = greedy_split(shuffled, sizes=shuffled.sum(axis=1), codes=codes, shares=limits)
    assert part.tolist() == split(counts, limits)[rows].tolist()


@given(matrices, shares)
def test_sparse_and_dense_counts_split_alike(counts: np.ndarray, limits: Shares) -> None:
    for form in (sparse.csr_array(counts), sparse.csc_array(counts), sparse.coo_array(counts), counts.astype(np.int32)):
        part = greedy_split(form, sizes=counts.sum(axis=1), codes=codes_of(counts), shares=limits)
        assert part.tolist() == split(counts, limits).tolist()
        assert (class_table(form, part) == class_table(counts, part)).all()


def test_ties_go_by_code() -> None:
    counts = np.full((10, 1), 7)
    codes = ["b", "a", "B", "ä", "c10", "c9", "c", "z", "y", "x"]
    part = greedy_split(counts, sizes=counts.sum(axis=1), codes=codes, shares=PAPER)
    inside = {name: {code for code, own in zip(codes, part, strict=True) if own == name} for name in (TRAIN, VAL, TEST)}
    assert inside == {TRAIN: {"B", "a", "b", "c", "c10", "c9", "x", "y"}, VAL: {"z"}, TEST: {"ä"}}


def test_the_walk_goes_on_behind_somebody_who_does_not_fit() -> None:
    # 100 clips: 60 go in, 30 do not fit into 80, 10 do.
    assert split(np.array([[60], [30], [10]])).tolist() == [TRAIN, TEST, TRAIN]


def test_a_limit_that_floats_would_miss_is_reached_exactly() -> None:
    # 0.7 * 10 is 7.000000000000001 and 0.29 * 100 is 28.999999999999996 in binary.
    limits = Shares.parse(0.29, 0.7)
    table = class_table(np.ones((100, 1), dtype=np.int64), split(np.ones((100, 1), dtype=np.int64), limits))
    assert table.tolist() == [[29, 70, 1]]


def test_a_clip_with_two_classes_counts_once_for_its_participant() -> None:
    # Twice labelled, "many" has 4 pairs of 2 clips; "few" has 3 clips and comes first.
    counts = np.array([[2, 2], [3, 0]])
    limits = Shares.parse("0.6", "0.4")
    part = greedy_split(counts, sizes=np.array([2, 3]), codes=["many", "few"], shares=limits)
    assert part.tolist() == [TEST, TRAIN]


def test_a_class_of_one_participant_is_tested() -> None:
    counts = np.array([[9, 5], [9, 0], [9, 0], [9, 0], [9, 0]])
    assert split(counts).tolist()[0] == TEST


def test_the_person_with_most_clips_is_tested_where_they_fit_nowhere() -> None:
    assert split(np.array([[85], [5], [5], [5]])).tolist() == [TEST, TRAIN, TRAIN, TRAIN]


@pytest.mark.parametrize(
    ("train", "val", "part"), [("0.8", "0.1", TRAIN), ("0", "0.1", VAL), ("0", "0", TEST), ("1", "0", TRAIN)]
)
def test_somebody_without_a_class_fits_into_every_part_that_may_hold_something(train: str, val: str, part: int) -> None:
    assert split(np.array([[0], [4]]), Shares.parse(train, val))[0] == part


def test_somebody_without_clips_fits_anywhere() -> None:
    assert split(np.array([[0], [4]])).tolist() == [TRAIN, TEST]
    assert split(np.zeros((0, 3), dtype=np.int64)).tolist() == []


def test_counts_that_do_not_fit_are_refused() -> None:
    counts = np.array([[1, 2], [3, 4]])
    with pytest.raises(ValueError, match="expected one row"):
        greedy_split(counts, sizes=np.array([3]), codes=["a", "b"], shares=PAPER)
    with pytest.raises(ValueError, match="negative"):
        greedy_split(-counts, sizes=np.array([3, 7]), codes=["a", "b"], shares=PAPER)
    with pytest.raises(ValueError, match="integers"):
        greedy_split(counts / 2, sizes=np.array([3, 7]), codes=["a", "b"], shares=PAPER)
    with pytest.raises(ValueError, match="sizes has -7: expected no negative"):
        greedy_split(counts, sizes=np.array([3, -7]), codes=["a", "b"], shares=PAPER)
    with pytest.raises(ValueError, match="sizes of float64: expected integers"):
        greedy_split(counts, sizes=np.array([3.5, np.nan]), codes=["a", "b"], shares=PAPER)


def test_cochlscenes_size_takes_well_under_a_second() -> None:
    random = np.random.default_rng(1)
    counts = random.multinomial(76_115, random.dirichlet(np.full(831 * 13, 0.1))).reshape(831, 13)
    start = perf_counter()
    part = split(counts)
    assert perf_counter() - start < 0.5
    assert (class_table(counts, part)[:, TRAIN] * 5 <= counts.sum(axis=0) * 4).all()
