import numpy as np
import pytest

from ml.verification.progress_row import IterationRow, iteration_row

# Nguyen et al., table 2: verified, added, 1st, 2nd, 3rd, incorrect, total, mAP@3
TABLE_2 = [
    (3710, 2680, 3910, 537, 256, 1060, 5763, 0.740),
    (6390, 687, 1420, 473, 276, 914, 3083, 0.567),
    (7077, 393, 900, 456, 195, 845, 2396, 0.498),
    (7470, 569, 576, 379, 221, 827, 2003, 0.419),
]


def row_of(iteration: int) -> IterationRow:
    verified, added, first, second, third, incorrect, _, _ = TABLE_2[iteration - 1]
    return IterationRow(
        iteration=iteration,
        verified=verified,
        added=added,
        correct_1st=first,
        correct_2nd=second,
        correct_3rd=third,
        incorrect=incorrect,
    )


@pytest.mark.parametrize("iteration", [1, 2, 3, 4])
def test_totals_and_map_of_table_2_follow_from_its_counts(iteration: int) -> None:
    row = row_of(iteration)
    assert row.non_verified == TABLE_2[iteration - 1][6]
    assert row.map_at_3 == pytest.approx(TABLE_2[iteration - 1][7], abs=5e-4)


@pytest.mark.parametrize("iteration", [1, 2, 3])
def test_verified_and_added_of_table_2_are_the_next_verified(iteration: int) -> None:
    assert row_of(iteration).verified_after == row_of(iteration + 1).verified
    assert row_of(iteration).non_verified - row_of(iteration).added == row_of(iteration + 1).non_verified


def test_the_texts_final_numbers_miss_ten_clips() -> None:
    last = row_of(4)
    assert last.verified_after == 8039  # as the text says
    assert last.non_verified - last.added == 1434  # the text says 1424
    assert 8039 + 1424 == 9463 != 3710 + 5763


def test_positions_are_counted_from_probabilities() -> None:
    p = np.tile([0.4, 0.3, 0.2, 0.1], (6, 1))
    row = iteration_row(p, np.array([0, 0, 1, 2, 3, -1]), iteration=2, verified=5, added=1)
    assert row == IterationRow(
        iteration=2, verified=5, added=1, correct_1st=2, correct_2nd=1, correct_3rd=1, incorrect=1, without_label=1
    )
    assert row.non_verified == 6
    assert row.map_at_3 == pytest.approx((2 + 1 / 2 + 1 / 3) / 5)  # the clip without a label does not count


def test_with_two_classes_nothing_is_incorrect() -> None:
    row = iteration_row(np.array([[0.9, 0.1]]), np.array([1]), iteration=1, verified=0, added=0)
    assert (row.correct_2nd, row.incorrect) == (1, 0)


def test_without_any_label_there_is_no_map() -> None:
    assert iteration_row(np.eye(2), np.array([-1, -1]), iteration=1, verified=0, added=2).map_at_3 is None
    assert iteration_row(np.zeros((0, 2)), np.zeros(0, dtype=np.int64), iteration=1, verified=0, added=0).added == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"iteration": 0}, "iteration = 0"),
        ({"incorrect": -1}, "incorrect = -1"),
        ({"added": 5}, "added = 5: expected at most the 4"),
    ],
)
def test_impossible_rows_are_refused(change: dict[str, int], message: str) -> None:
    counts = dict.fromkeys(("iteration", "verified", "added", "correct_1st", "correct_2nd", "correct_3rd"), 1)
    with pytest.raises(ValueError, match=message):
        IterationRow(**{**counts, "incorrect": 1, **change})
