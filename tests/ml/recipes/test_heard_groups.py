"""Test clips of people who teach are judged by the fold in which these are held out, and by no other."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ml.recipes.plan import Step
from tests.ml.recipes.small_run import finish_run, make_candidates, make_plan, open_run


def test_no_step_judges_whom_it_heard(tmp_path: Path) -> None:
    count, heard, unheard = 26, 24, 25
    group_N = np.arange(count) // 3 % 4
    group_N[heard], group_N[unheard] = 0, 9
    test_N = np.isin(np.arange(count), (heard, unheard))
    candidates = make_candidates(count, test_N=test_N, group_N=group_N, verified_N=(group_N < 2) & ~test_N)
    run = open_run(tmp_path, candidates, make_plan(n_folds=2, epochs=1, iterations=1))
    steps = [Step(0, 0, fold) for fold in range(2)]
    work = [run._work(step) for step in steps]
    finish_run(run)
    judged: list[int] = []
    for step, plan in zip(steps, work, strict=True):
        taught = set(group_N[plan.trained_S].tolist())
        here = [int(n) for n in run.folder.read_output(step).clip_J if test_N[n]]
        assert not taught & set(group_N[here].tolist())
        judged += here
    assert sorted(judged) == [heard, unheard, unheard]
