"""Each job of a run is asked for once, whoever asks."""

from __future__ import annotations

import pytest

from curation.models import Job, JobState
from curation.services.jobs import JobFailedError
from ml.selectors.runs import JOIN, STEP, RunState, run_view, run_views
from ml.services.run_jobs import all_steps_done, ask_features, ask_join, ask_steps, run_of
from tests.factories.rows import make_dataset
from tests.factories.verification_rows import make_run

pytestmark = pytest.mark.django_db

PLACES = [(0, 0, 0), (0, 0, 1)]


def test_asking_twice_is_asking_once_even_after_it_is_done() -> None:
    run = make_run(make_dataset())
    for _ in range(2):
        ask_steps(run, PLACES)
        ask_join(run, 0)
    assert Job.objects.filter(kind=STEP).count() == 2
    Job.objects.update(state=JobState.DONE)
    ask_steps(run, PLACES)
    ask_join(run, 0)
    assert (Job.objects.filter(kind=STEP).count(), Job.objects.filter(kind=JOIN).count()) == (2, 1)
    run.attempt = 2
    run.save()
    ask_steps(run, PLACES)
    assert Job.objects.filter(kind=STEP).count() == 4


def test_nothing_is_asked_for_a_run_that_was_cancelled_or_started_anew_meanwhile() -> None:
    run = make_run(make_dataset())
    type(run).objects.update(attempt=2)
    ask_join(run, 0)
    type(run).objects.update(attempt=1, cancelled_at="2026-01-01T00:00Z")
    ask_join(run, 0)
    assert not Job.objects.exists()


def test_steps_that_end_together_see_each_other() -> None:
    run = make_run(make_dataset())
    ask_steps(run, PLACES)
    first, second = Job.objects.order_by("key")
    assert not all_steps_done(run, PLACES)
    Job.objects.filter(pk=first.pk).update(state=JobState.DONE)
    assert not all_steps_done(run, PLACES)
    # Not settled yet, but its checkpoint says that its files are there.
    Job.objects.filter(pk=second.pk).update(checkpoint={"done": True})
    assert all_steps_done(run, PLACES)


def test_a_job_finds_its_run_while_it_goes_on() -> None:
    run = make_run(make_dataset())
    ask_features(run)
    job = Job.objects.get()
    assert run_of(job) == run
    type(run).objects.update(cancelled_at="2026-01-01T00:00Z")
    assert run_of(job) is None
    type(run).objects.all().delete()
    with pytest.raises(JobFailedError, match="is gone"):
        run_of(job)


def test_runs_of_other_numbers_and_datasets_do_not_count() -> None:
    dataset = make_dataset()
    run, other = make_run(dataset), make_run(dataset, number=11)
    ask_features(other)
    ask_features(make_run(make_dataset()))
    assert run_view(run).state == RunState.QUEUED
    Job.objects.filter(parameters__run=other.pk).update(state=JobState.FAILED, error="lost")
    assert [(view.state, view.error) for view in run_views([other, run])] == [
        (RunState.FAILED, "lost"),
        (RunState.QUEUED, ""),
    ]
