"""What is shown of a confusion matrix, small and large."""

from __future__ import annotations

import numpy as np
import pytest

from ml.selectors.confusions import MOST_CLASSES, MOST_MIXUPS, Confusion
from ml.services.run_summary import kept_cells


def confusion(counts: list[list[int]] | np.ndarray[tuple[int, int], np.dtype[np.int64]]) -> Confusion:
    kept = kept_cells(np.asarray(counts, dtype=np.int64))
    names = tuple(f"class {k}" for k in range(len(counts)))
    return Confusion(names, kept["cells"], kept["rows"], kept["columns"])


def test_a_small_matrix_is_shown_whole() -> None:
    small = confusion([[8, 1, 0], [4, 4, 0], [0, 0, 0]])
    assert small.columns == ["class 0", "class 1", "class 2"]
    assert [[cell.labels for cell in row.cells] for row in small.rows] == [[8, 1, 0], [4, 4, 0], [0, 0, 0]]
    assert [row.labels for row in small.rows] == [9, 8, 0]
    assert (small.labels, small.right, small.hidden, small.not_kept) == (17, 12, 0, 0)
    assert small.share_right == pytest.approx(12 / 17)
    assert not small.has_elsewhere


def test_heat_is_the_square_root_of_the_share_of_a_row() -> None:
    row = confusion([[75, 25], [1, 99]]).rows[0]
    assert [(cell.share, cell.level, cell.right) for cell in row.cells] == [(0.75, 9, True), (0.25, 5, False)]
    assert [cell.level for cell in confusion([[0, 0], [0, 1]]).rows[0].cells] == [0, 0]


def test_the_most_frequent_mistakes_come_first() -> None:
    mixups = confusion([[5, 3, 1], [0, 5, 9], [0, 2, 5]]).mixups
    assert [(each.name, each.taken_for, each.labels, each.of) for each in mixups] == [
        ("class 1", "class 2", 9, 14),
        ("class 0", "class 1", 3, 9),
        ("class 2", "class 1", 2, 7),
        ("class 0", "class 2", 1, 9),
    ]


def test_of_many_classes_those_of_the_most_frequent_mistakes_are_shown() -> None:
    counts = np.eye(200, dtype=np.int64) * 50
    counts[150, 7] = 40
    counts[3, 199] = 30
    counts[150, 180:190] = 1
    large = confusion(counts)
    assert (len(large.rows), large.hidden, len(large.mixups)) == (MOST_CLASSES, 160, MOST_MIXUPS)
    assert {"class 150", "class 7", "class 3", "class 199"} <= set(large.columns)
    assert large.columns == sorted(large.columns, key=lambda name: int(name.split()[1]))


def test_rows_add_up_although_cells_are_hidden_or_not_kept() -> None:
    counts = np.random.default_rng(0).integers(0, 90, size=(120, 120))
    large = confusion(counts)
    assert large.not_kept > 0
    assert large.has_elsewhere
    for row in large.rows:
        assert sum(cell.labels for cell in row.cells) + row.elsewhere == row.labels == counts[int(row.name[6:])].sum()


def test_a_matrix_without_labels_has_no_share() -> None:
    assert confusion([[0, 0], [0, 0]]).share_right is None
