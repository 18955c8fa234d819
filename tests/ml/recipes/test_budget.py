from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from ml.recipes import budget
from ml.recipes.budget import fitted, seconds_needed
from ml.recipes.plan import Plan, Step
from ml.training.config import TrainingConfig
from ml.training.schedule import ScheduleConfig
from tests.ml.recipes.feedback_cases import rejecting
from tests.ml.recipes.small_run import BANDS, make_candidates, make_plan

CANDIDATES = make_candidates()  # 24 clips of 0.3 s


def with_training(plan: Plan, **changes: object) -> Plan:
    member = plan.members[0]
    changed = replace(member, training=replace(member.training, **changes), fine_tuning=None)  # type: ignore[arg-type]  # mixed
    return replace(plan, members=(changed,))


@pytest.fixture
def _a_hundredth_of_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "_seconds_per_example", lambda *_: 0.01)


@pytest.mark.usefixtures("_a_hundredth_of_a_second")
def test_seconds_are_those_of_all_clips_of_all_epochs_of_all_folds() -> None:
    plan = make_plan(epochs=10, iterations=3, n_folds=4)

    # 3 iterations of 10 epochs of 4 folds of 18 clips, and 15 % for judging.
    alone = 3 * 10 * 4 * 18 * 0.01 * 1.15
    assert seconds_needed(plan, CANDIDATES, device="cpu", processes=1) == pytest.approx(alone)
    assert seconds_needed(plan, CANDIDATES, device="cpu", processes=2) == pytest.approx(alone / 2)
    # There are never more than 4 steps to share out.
    assert seconds_needed(plan, CANDIDATES, device="cpu", processes=16) == pytest.approx(alone / 4)
    # Two members are twice the work, and 8 steps.
    double = replace(plan, members=plan.members * 2)
    assert seconds_needed(double, CANDIDATES, device="cpu", processes=16) == pytest.approx(2 * alone / 8)


@pytest.mark.usefixtures("_a_hundredth_of_a_second")
def test_one_fold_learns_from_all_clips() -> None:
    plan = make_plan(epochs=10, iterations=1, n_folds=1)

    assert seconds_needed(plan, CANDIDATES, device="cpu", processes=1) == pytest.approx(10 * 24 * 0.01 * 1.15)


@pytest.mark.usefixtures("_a_hundredth_of_a_second")
def test_steps_that_leave_no_fold_out_learn_from_all_clips_once() -> None:
    plan = make_plan(epochs=10, iterations=3, n_folds=4, n_whole=2)

    # 2 iterations of 10 epochs of 4 folds of 18 clips, and 2 steps of 24 clips.
    folds = 2 * 10 * 4 * 18
    found = seconds_needed(plan, CANDIDATES, device="cpu", processes=1)
    assert found == pytest.approx((folds + 2 * 10 * 24) * 0.01 * 1.15)
    longer = replace(plan.members[0].training, epochs=15)
    plan = replace(plan, members=(replace(plan.members[0], fine_tuning=longer),))
    folds = (10 + 15) * 4 * 18
    found = seconds_needed(plan, CANDIDATES, device="cpu", processes=1)
    assert found == pytest.approx((folds + 2 * 15 * 24) * 0.01 * 1.15)
    assert fitted(plan, 0.4).training(Step(2, 0, 0)).epochs == 6


@pytest.mark.usefixtures("_a_hundredth_of_a_second")
def test_each_iteration_shares_out_its_own_steps() -> None:
    plan = make_plan(epochs=10, iterations=3, n_folds=4, n_whole=2)
    folds, whole = 2 * 10 * 4 * 18, 2 * 10 * 24

    for processes, expected in ((2, (folds + whole) / 2), (3, folds / 3 + whole / 2), (8, folds / 4 + whole / 2)):
        found = seconds_needed(plan, CANDIDATES, device="cpu", processes=processes)
        assert found == pytest.approx(expected * 0.01 * 1.15)


@pytest.mark.usefixtures("_a_hundredth_of_a_second")
@pytest.mark.parametrize(("recipe", "taught"), [("earmark", 24), ("dorfer", 23), ("nguyen", 23)])
def test_rejected_clips_count_where_the_recipe_learns_from_them(recipe: str, taught: int) -> None:
    clips = rejecting(CANDIDATES, 23, int(CANDIDATES.label_N[23]))
    plan = replace(make_plan(epochs=10, iterations=1, n_folds=1), recipe=recipe)

    assert clips.narrowed_N[23]
    assert seconds_needed(plan, clips, device="cpu", processes=1) == pytest.approx(10 * taught * 0.01 * 1.15)
    # Frames stand 10 ms apart: 0.3 s are two excerpts of 16 frames.
    chunked = with_training(plan, chunked=True)
    assert seconds_needed(chunked, clips, device="cpu", processes=1) == pytest.approx(10 * 2 * taught * 0.01 * 1.15)


@pytest.mark.usefixtures("_a_hundredth_of_a_second")
def test_test_clips_are_not_learned() -> None:
    test_N = np.arange(24) >= 12
    candidates = make_candidates(
        test_N=test_N, label_N=np.where(test_N, -1, np.arange(24) % 3), verified_N=np.arange(24) < 6
    )
    plan = make_plan(epochs=10, iterations=1, n_folds=1)

    assert seconds_needed(plan, candidates, device="cpu", processes=1) == pytest.approx(10 * 12 * 0.01 * 1.15)


@pytest.mark.usefixtures("_a_hundredth_of_a_second")
def test_fixed_batches_and_chunks_are_counted_as_they_are() -> None:
    plan = make_plan(epochs=10, iterations=1, n_folds=1)
    fixed = with_training(plan, steps_per_epoch=5)
    chunked = with_training(plan, chunked=True)

    assert seconds_needed(fixed, CANDIDATES, device="cpu", processes=1) == pytest.approx(10 * 5 * 8 * 0.01 * 1.15)
    # Frames stand 10 ms apart: 0.3 s are two excerpts of 16 frames.
    assert seconds_needed(chunked, CANDIDATES, device="cpu", processes=1) == pytest.approx(10 * 48 * 0.01 * 1.15)


def test_a_real_step_is_timed_without_a_trace() -> None:
    threads = torch.get_num_threads()
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)

    found = seconds_needed(make_plan(epochs=1, iterations=1), CANDIDATES, device="cpu", processes=1)

    assert 0 < found < 60
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.rand(1), expected)


def test_what_is_timed_is_what_the_device_will_do_without_compiling(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, int, int, int]] = []
    timed: list[TrainingConfig] = []
    original = budget.Stepper

    def fitted_here(device: torch.device, training: TrainingConfig, **shape: Any) -> TrainingConfig:
        asked.append((device.type, shape["channels"], shape["bands"], shape["steps"]))
        return replace(training, precision="bf16", compiled=True)

    def noting(network: torch.nn.Module, config: TrainingConfig, device: torch.device) -> budget.Stepper:
        timed.append(config)
        return original(network, config, device)

    monkeypatch.setattr(budget, "fitted_to", fitted_here)
    monkeypatch.setattr(budget, "Stepper", noting)
    plan = make_plan(epochs=4, iterations=1, n_folds=4)

    assert seconds_needed(plan, CANDIDATES, device="cpu", processes=1) > 0

    assert asked == [("cpu", 1, BANDS, 4 * 3)]  # 18 clips of each fold in batches of 8
    assert timed == [replace(plan.members[0].training, precision="bf16")]


@pytest.mark.parametrize(("share", "epochs"), [(1.0, 10), (0.5, 5), (0.29, 2), (0.01, 1), (0.0, 1)])
def test_a_plan_is_fitted_to_a_share_of_its_epochs(share: float, epochs: int) -> None:
    plan = fitted(make_plan(epochs=10), share)

    member = plan.members[0]
    assert member.fine_tuning is not None
    assert member.training.epochs == member.fine_tuning.epochs == epochs
    assert (plan.iterations, plan.n_folds) == (2, 2)


def test_the_whole_share_changes_nothing() -> None:
    plan = make_plan(epochs=10)

    assert fitted(plan, 1.0) == plan


def test_cold_members_stay_cold() -> None:
    assert fitted(make_plan(warm=False), 0.5).members[0].fine_tuning is None


def test_schedules_are_shortened_with_their_training() -> None:
    # As Dorfer's: the rate falls from epoch 100 of 500 on.
    decay = fitted(with_training(make_plan(epochs=500), schedule=ScheduleConfig(kind="linear_decay", begin=100)), 0.1)
    steps = fitted(with_training(make_plan(epochs=40), schedule=ScheduleConfig(kind="step", every=2)), 0.25)
    jumps = fitted(
        with_training(make_plan(epochs=300), schedule=ScheduleConfig(kind="step", milestones=(150, 250))), 0.1
    )

    assert decay.members[0].training.schedule.begin == pytest.approx(10)
    assert steps.members[0].training.schedule.every == pytest.approx(0.5)
    assert jumps.members[0].training.schedule.milestones == pytest.approx((15, 25))


def test_more_time_never_gives_fewer_epochs() -> None:
    found = [fitted(make_plan(epochs=7), share).members[0].training.epochs for share in np.linspace(0, 1, 50)]

    assert found == sorted(found)
    assert found[-1] == 7
    assert math.isclose(fitted(make_plan(epochs=7), 1.0).members[0].training.learning_rate, 1e-2)
