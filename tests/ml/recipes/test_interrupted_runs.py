"""Runs that are stopped or killed within this process; `test_killed_runs` kills real ones."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from ml.recipes.plan import Step, Verdict
from ml.recipes.run import StoppedError
from tests.ml.recipes.small_run import finish_run, make_candidates, make_plan, open_run

CANDIDATES = make_candidates()
PLAN = make_plan(epochs=3)


class Killed(BaseException):
    """Stands in for a signal that nothing catches."""


def assert_same(one: Verdict, other: Verdict) -> None:
    for name in ("p_NK", "p_MNK", "p_correct_N", "label_N", "accept_N"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name, strict=True)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Verdict:
    run = open_run(tmp_path_factory.mktemp("undisturbed"), CANDIDATES, PLAN)
    finish_run(run)
    return run.verdict(precision=0.9)


@pytest.mark.parametrize("seed", range(3))
def test_a_run_stopped_and_killed_at_random_gives_the_same_verdict_bit_for_bit(
    tmp_path: Path, undisturbed: Verdict, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 -- any moments will do
    ends = []
    while True:
        left = chance.randint(0, 8)

        def watched() -> bool:
            nonlocal left
            left -= 1
            if left < 0 and chance.random() < 0.5:
                raise Killed
            return left < 0

        run = open_run(tmp_path, CANDIDATES, PLAN)  # a new process would know no more
        try:
            while run.iteration() < PLAN.iterations:
                for step in run.open_steps():
                    run.do(step, should_stop=watched)
                run.join()
        except (StoppedError, Killed) as error:
            ends.append(type(error))
            continue
        break

    # 2 iterations of 2 folds of 3 epochs of 2 batches are 24 steps of training, or more as epochs begin anew.
    assert len(ends) >= 2
    assert_same(run.verdict(precision=0.9), undisturbed)


@pytest.mark.parametrize("method", ["write_weights", "write_output", "write_row", "write_state", "write_epochs"])
def test_a_run_killed_at_any_write_gives_the_same_verdict(
    tmp_path: Path, undisturbed: Verdict, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    run = open_run(tmp_path, CANDIDATES, PLAN)
    with monkeypatch.context() as patch:

        def killed(*_: object) -> None:
            raise Killed

        patch.setattr(run.folder, method, killed)
        with pytest.raises(Killed):
            finish_run(run)

    run = open_run(tmp_path, CANDIDATES, PLAN)
    finish_run(run)

    assert_same(run.verdict(precision=0.9), undisturbed)
    assert [row["epoch"] for row in run.folder.read_epochs(Step(0, 0, 0))] == [1, 2, 3]


def test_a_step_that_is_stopped_says_where(tmp_path: Path) -> None:
    run = open_run(tmp_path, CANDIDATES, PLAN)
    asked = iter([False] * 3 + [True])

    with pytest.raises(StoppedError, match="iteration-0-member-0-fold-0 was asked to stop after epoch 1"):
        run.do(Step(0, 0, 0), should_stop=lambda: next(asked))
