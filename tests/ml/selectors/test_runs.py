"""Where a run stands, by the rows of its jobs."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from curation.models import Dataset, Job, JobState
from ml.models import VerificationRun
from ml.selectors.run_in_force import run_in_force
from ml.selectors.runs import FEATURES, JOIN, STEP, RunState, run_view, run_views, runs_of
from ml.services.run_jobs import ask_features, ask_join, ask_steps
from tests.factories.rows import make_dataset
from tests.factories.verification_rows import make_run

pytestmark = pytest.mark.django_db

PLAN = {"members": [{}, {}], "n_folds": 2, "iterations": 2}  # eight steps


@pytest.fixture
def dataset() -> Dataset:
    return make_dataset()


def going(dataset: Dataset, **changes: Any) -> VerificationRun:
    run = make_run(dataset, plan=PLAN, **changes)
    ask_features(run)
    return run


def set_jobs(state: JobState, **filters: Any) -> None:
    changes: dict[str, Any] = {"state": state}
    if state == JobState.RUNNING:
        changes |= {"lease_token": "0" * 32, "lease_expires_at": "2100-01-01T00:00Z"}
    Job.objects.filter(**filters).update(**changes)


def test_a_run_goes_through_its_states(dataset: Dataset) -> None:
    run = going(dataset)
    assert (run_view(run).state, run_view(run).phase, run_view(run).share_done) == (RunState.QUEUED, FEATURES, 0.0)
    set_jobs(JobState.RUNNING)
    assert run_view(run).state == RunState.RUNNING
    ask_steps(run, [(0, 0, 0), (0, 0, 1), (0, 1, 0), (0, 1, 1)])
    set_jobs(JobState.DONE, kind=FEATURES)
    assert (run_view(run).state, run_view(run).phase) == (RunState.RUNNING, STEP)
    assert run_view(run).is_active
    set_jobs(JobState.DONE, kind=STEP)
    ask_join(run, 0)
    assert (run_view(run).phase, run_view(run).share_done) == (JOIN, 0.5)
    set_jobs(JobState.FAILED, kind=JOIN)
    view = run_view(run)
    assert (view.state, view.phase, view.is_active) == (RunState.FAILED, "", False)
    set_jobs(JobState.CANCELLED, kind=JOIN)
    assert run_view(run).state == RunState.CANCELLED


def test_steps_tell_epochs_losses_and_notes(dataset: Dataset) -> None:
    run = going(dataset)
    ask_steps(run, [(0, 1, 1), (0, 0, 0), (0, 1, 0), (0, 0, 1)])
    note = "Device memory did not suffice for 64 examples at once; batches are computed in parts of 32."
    Job.objects.filter(kind=STEP, parameters__member=1, parameters__fold=0).update(
        progress_done=3, progress_total=4, checkpoint={"losses": [0.9, 0.7, 0.6], "notes": [note]}, worker="gpu:7"
    )
    view = run_view(run)
    assert [(step.member, step.fold) for step in view.steps] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    step = view.steps[2]
    assert (step.epochs, step.epochs_total, step.losses, step.notes) == (3, 4, [0.9, 0.7, 0.6], [note])
    assert step.worker == "gpu:7"
    assert view.share_done == pytest.approx(0.75 / 8)


def test_a_resumed_run_counts_the_iterations_that_were_done_before(dataset: Dataset) -> None:
    run = going(dataset)
    ask_steps(run, [(1, 0, 0), (1, 0, 1), (1, 1, 0), (1, 1, 1)])
    set_jobs(JobState.DONE, kind=STEP, parameters__fold=0)
    assert run_view(run).share_done == pytest.approx((4 + 2) / 8)


def test_jobs_of_an_earlier_start_say_nothing(dataset: Dataset) -> None:
    run = going(dataset)
    set_jobs(JobState.FAILED)
    run.attempt = 2
    run.save()
    ask_features(run)
    assert run_view(run).state == RunState.QUEUED


def test_the_newest_finished_run_is_in_force(dataset: Dataset) -> None:
    assert run_in_force(dataset) is None
    first = make_run(dataset, finished=True)
    second = make_run(dataset, finished=True, finished_at="2020-01-01T00:00Z")
    make_run(dataset)
    make_run(make_dataset(), finished=True)
    assert run_in_force(dataset) == second
    assert list(runs_of(dataset))[1:] == [second, first]


def test_the_list_takes_two_queries_whatever_the_number_of_runs(dataset: Dataset) -> None:
    counts = []
    for _ in range(2):
        for _ in range(3):
            run = going(dataset)
            ask_steps(run, [(0, 0, fold) for fold in range(4)])
            make_run(dataset, finished=True)
        with CaptureQueriesContext(connection) as queries:
            views = run_views(list(runs_of(dataset)))
        counts.append(len(queries))
        assert {view.state for view in views} == {RunState.QUEUED, RunState.DONE}
    assert counts == [2, 2]


def test_an_iteration_of_steps_that_leave_no_fold_out_counts_those_alone(dataset: Dataset) -> None:
    run = make_run(dataset, plan={**PLAN, "iterations": 3, "n_whole": 1})  # ten steps
    ask_features(run)
    ask_steps(run, [(2, member, 0) for member in (0, 1)])
    set_jobs(JobState.DONE, kind=STEP, parameters__member=0)
    assert run_view(run).share_done == pytest.approx((8 + 1) / 10)
