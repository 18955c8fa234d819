"""Test clips of people who teach are judged by the fold in which these are held out, and by no other."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ml.recipes.earmark import EarmarkRecipe
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


def test_where_one_person_alone_is_to_be_judged_others_are_held_out_for_their_test_clips(tmp_path: Path) -> None:
    # Person 3 has the candidates; of persons 0 and 3 there are test clips, too, and of nobody else.
    count, verified, own, unheard = 27, 24, 25, 26
    group_N = np.arange(count) // 3 % 4
    group_N[verified], group_N[own], group_N[unheard] = 0, 3, 9
    test_N = np.isin(np.arange(count), (verified, own, unheard))
    columns = {"group_N": group_N, "verified_N": (group_N < 3) & ~test_N, "label_N": np.arange(count) % 3}
    candidates = make_candidates(
        count, test_N=test_N, **{**columns, "label_N": np.where(test_N, -1, columns["label_N"])}
    )
    plan = EarmarkRecipe().plan(candidates, sample_rate_hz=8_000)
    run = open_run(tmp_path, candidates, make_plan(n_folds=plan.n_folds, n_whole=1, epochs=1, iterations=2))
    judged: list[int] = []
    for step in run.plan.steps(0):
        work = run._work(step)
        taught = set(group_N[work.trained_S].tolist())
        here = work.judged[test_N[work.judged]].tolist()
        assert not taught & set(group_N[here].tolist())
        judged += here
    assert sorted(judged) == [verified, own]
    finish_run(run)
    p_NK = run.folder.read_state(run.plan.iterations)["p"]
    assert not np.isclose(p_NK[test_N], 1 / 3).all(axis=1).any()


def test_one_network_is_enough_where_nobody_it_hears_has_test_clips() -> None:
    group_N = np.arange(25) // 3 % 4
    test_N = np.arange(25) == 24
    group_N[24] = 3
    candidates = make_candidates(
        25,
        test_N=test_N,
        group_N=group_N,
        verified_N=group_N < 3,
        label_N=np.where(test_N, -1, np.arange(25) % 3),
    )
    assert EarmarkRecipe().plan(candidates, sample_rate_hz=8_000).n_folds == 1
