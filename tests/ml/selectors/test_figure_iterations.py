"""The bars of the table of iterations."""

from __future__ import annotations

from typing import Any

from ml.selectors.figure_iterations import iteration_figure

ROW: dict[str, Any] = {
    "iteration": 1,
    "verified": 5,
    "added": 2,
    "correct_1st": 4,
    "correct_2nd": 2,
    "correct_3rd": 0,
    "incorrect": 2,
    "without_label": 0,
    "map_at_3": 0.625,
}


def test_parts_of_a_bar_are_shares_of_the_clips_that_were_not_verified() -> None:
    (line,) = iteration_figure([ROW]).lines
    assert line.clips == 8
    assert [(part.name, part.x, part.width) for part in line.parts] == [
        ("correct_1st", "0.00", "50.00"),
        ("correct_2nd", "50.00", "25.00"),
        ("incorrect", "75.00", "25.00"),
    ]


def test_columns_stand_where_any_iteration_fills_them() -> None:
    has = iteration_figure([{**ROW, "relabelled": 0}, {**ROW, "temperature": None}]).has
    assert (has["relabelled"], has["temperature"], has["expected_wrong"], has["without_label"]) == (
        True,
        False,
        False,
        False,
    )
    assert iteration_figure([{**ROW, "without_label": 3}]).has["without_label"]


def test_an_iteration_without_clips_has_an_empty_bar() -> None:
    nothing = dict.fromkeys(ROW, 0)
    assert iteration_figure([nothing]).lines[0].parts == []
    assert iteration_figure([]).lines == []
