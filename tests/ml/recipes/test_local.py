from __future__ import annotations

import fcntl
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ml.recipes.candidates import CandidateSet
from ml.recipes.local import LocalRun, run_all
from ml.recipes.plan import Plan, Step
from ml.recipes.run import VerificationRun
from tests.ml.recipes.small_run import make_candidates, make_plan, store_spectrograms

CANDIDATES = make_candidates()
PLAN = make_plan()


def local_run(folder: Path, *, plan: Plan = PLAN, candidates: CandidateSet = CANDIDATES) -> LocalRun:
    if not (folder / "stores").exists():
        store_spectrograms(folder / "stores", candidates)
    return LocalRun(
        folder=folder / "run", stores=folder / "stores", plan=plan, candidates=candidates, seed=0, device="cpu"
    )


def finished(local: LocalRun, *, processes: int) -> tuple[VerificationRun, list[tuple[Step, int]], list[Any]]:
    epochs: list[tuple[Step, int]] = []
    rows: list[Any] = []
    run = run_all(
        local,
        processes=processes,
        on_epoch=lambda step, epoch, loss: epochs.append((step, epoch)) if loss > 0 else None,
        on_iteration=rows.append,
    )
    return run, epochs, rows


def test_steps_are_done_one_after_the_other_and_joined(tmp_path: Path) -> None:
    _, epochs, rows = finished(local_run(tmp_path), processes=1)

    assert epochs == [(step, epoch) for i in range(2) for step in PLAN.steps(i) for epoch in (1, 2)]
    assert [row["iteration"] for row in rows] == [1, 2]


def test_a_process_of_its_own_gives_what_this_one_gives_bit_for_bit(tmp_path: Path) -> None:
    # One step is left to be done there, as each further process costs seconds; `test_killed_runs` has two of them.
    torch.set_num_threads(1)  # as there
    local = local_run(tmp_path / "two", plan=make_plan(iterations=1))
    local.open().do(Step(0, 0, 0))

    two, two_epochs, two_rows = finished(local, processes=2)

    one, _, one_rows = finished(local_run(tmp_path / "one", plan=make_plan(iterations=1)), processes=1)
    assert two_epochs == [(Step(0, 0, 1), 1), (Step(0, 0, 1), 2)]
    assert two_rows == one_rows
    left, right = one.verdict(precision=0.9), two.verdict(precision=0.9)
    np.testing.assert_array_equal(left.p_MNK, right.p_MNK)
    np.testing.assert_array_equal(left.p_correct_N, right.p_correct_N)


def test_a_finished_run_tells_nothing_and_starts_no_process(tmp_path: Path) -> None:
    run, _, _ = finished(local_run(tmp_path), processes=1)

    again, epochs, rows = finished(local_run(tmp_path), processes=2)

    assert epochs == rows == []
    np.testing.assert_array_equal(again.verdict(precision=0.9).p_NK, run.verdict(precision=0.9).p_NK)


def test_an_iteration_whose_steps_are_done_is_joined_before_the_next(tmp_path: Path) -> None:
    local = local_run(tmp_path)
    run = local.open()
    for step in run.open_steps():
        run.do(step)

    _, epochs, rows = finished(local, processes=1)

    assert {step.iteration for step, _ in epochs} == {1}
    assert [row["iteration"] for row in rows] == [1, 2]


def test_a_step_that_somebody_works_at_is_waited_for(tmp_path: Path) -> None:
    local = local_run(tmp_path, plan=make_plan(iterations=1))
    run = local.open()
    folder = run.folder.step_folder(Step(0, 0, 0))
    done: list[tuple[Step, int]] = []
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        other = threading.Thread(target=lambda: done.extend(finished(local, processes=1)[1]))
        other.start()
        other.join(0.3)
        assert other.is_alive()
        assert not (folder / "checkpoint.safetensors").exists()
        run.do(Step(0, 0, 0))
    other.join(30)

    assert not other.is_alive()
    # The other one found the first step done, and did the second alone.
    assert {step for step, _ in done} == {Step(0, 0, 1)}


def test_what_a_step_cannot_do_is_told_by_the_caller(tmp_path: Path) -> None:
    local = local_run(tmp_path)
    (local.stores / next(local.stores.iterdir()).name / "index.jsonl").unlink()

    with pytest.raises(KeyError):
        finished(local, processes=1)
