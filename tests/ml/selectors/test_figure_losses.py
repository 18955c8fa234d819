"""Losses of a run's steps as drawings, from the first epoch on."""

from __future__ import annotations

import math
from typing import Any

from ml.selectors.figure_losses import loss_figure
from ml.selectors.runs import StepView


def step(iteration: int = 0, member: int = 0, fold: int = 0, **changes: Any) -> StepView:
    losses = changes.get("losses", [])
    values: dict[str, Any] = {
        "state": "running",
        "epochs": len(losses),
        "epochs_total": 4,
        "losses": losses,
        "notes": [],
        "error": "",
        "worker": "",
        **changes,
    }
    return StepView(iteration=iteration, member=member, fold=fold, **values)


def test_before_the_first_epoch_there_is_no_line() -> None:
    figure = loss_figure([step(epochs_total=0, state="queued")])
    assert (figure.has_losses, figure.steps, figure.states) == (False, 1, [("queued", 1)])
    assert figure.panels[0].rows[0].last is None
    assert loss_figure([]).panels == []


def test_a_single_epoch_is_a_dot() -> None:
    (line,) = loss_figure([step(losses=[0.75])]).panels[0].lines
    assert line.dots == "M12.50 6.25h0"  # the first of four epochs, on a scale up to 0.8


def test_iterations_stand_one_after_the_other_and_members_apart() -> None:
    figure = loss_figure(
        [
            step(losses=[1.0, 0.5, 0.5, 0.25], state="done"),
            step(1, losses=[0.5, 0.25], state="running"),
            step(0, 1, losses=[1.0, 1.0, 1.0, 1.0], state="done"),
        ],
        ["plain", "wide"],
    )
    plain, wide = figure.panels
    assert (plain.name, wide.name, wide.number) == ("plain", "wide", 2)
    assert [line.path for line in plain.lines] == [
        "M6.25 0.00L18.75 50.00L31.25 50.00L43.75 75.00",
        "M56.25 50.00L68.75 75.00",
    ]
    assert [line.newest for line in plain.lines] == [False, True]
    assert [(band.x, band.text, band.first) for band in plain.bands] == [("0.00", "1", True), ("50.00", "2", False)]
    assert (figure.epochs, figure.states) == (8, [("running", 1), ("done", 2)])
    assert wide.states == [("done", 1)]


def test_an_epoch_without_a_number_interrupts_the_line_and_is_counted() -> None:
    figure = loss_figure([step(losses=[1.0, math.nan, 0.5, None])])
    (panel,) = figure.panels
    assert panel.lines[0].path == "M12.50 0.00M62.50 50.00"
    assert panel.lines[0].dots == "M12.50 0.00h0M62.50 50.00h0"
    assert (panel.rows[0].broken, panel.rows[0].first, panel.rows[0].best, panel.rows[0].last) == (2, 1.0, 0.5, 0.5)


def test_only_numbers_make_lines() -> None:
    figure = loss_figure([step(losses=[math.nan, math.inf])])
    assert not figure.has_losses
    assert figure.panels[0].rows[0].broken == 2


def test_what_happened_besides_is_told_with_its_place() -> None:
    figure = loss_figure([step(1, 2, 3, losses=[1.0], notes=["batch halved to 32"])])
    ((row, note),) = figure.panels[0].notes
    assert (row.iteration, row.fold, note) == (2, 4, "batch halved to 32")
    assert (figure.panels[0].number, figure.panels[0].name) == (3, "")


def test_steps_that_stopped_early_leave_room_for_what_they_could_have_taken() -> None:
    figure = loss_figure([step(losses=[1.0], epochs_total=10, state="done")])
    assert figure.epochs == 10
    assert [tick.text for tick in figure.x_ticks] == ["1", "5", "10"]
