"""Who may start, stop and resume a run, and with what."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from curation.models import Job, JobState, Role
from ml.models import VerificationRun
from ml.selectors.runs import FEATURES, STEP, RunState, run_view
from ml.services.runs import RunRefusedError, cancel_run, resume_run, start_run
from tests.factories.rows import make_annotation, make_category, make_clip, make_dataset, make_member, make_user
from tests.factories.verification_rows import Verifiable, make_finished_run, settle

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> Verifiable:
    """Return labels without sounds: nothing is computed here."""
    dataset = make_dataset()
    categories = (make_category(dataset, "Noise"), make_category(dataset, "Tone"))
    verified = [settle(make_annotation(make_clip(dataset), category)) for category in categories]
    waiting = [make_annotation(make_clip(dataset), category) for category in categories]
    return Verifiable(dataset, make_member(dataset, Role.CURATOR), categories, [], verified, waiting)


def begin(world: Verifiable, **changes: Any) -> VerificationRun:
    return start_run(**{"dataset": world.dataset, "recipe": "earmark", "created_by": world.curator, **changes})


def fail(run: VerificationRun, error: str) -> None:
    Job.objects.filter(parameters__run=run.pk).update(state=JobState.FAILED, error=error)


def test_a_run_begins_with_one_job_and_is_numbered(world: Verifiable) -> None:
    run = begin(world, seed=7, budget_minutes=12.5, precision=0.9, device="cpu")
    assert (run.number, run.seed, run.budget_minutes, run.precision, run.device) == (1, 7, 12.5, 0.9, "cpu")
    job = Job.objects.get()
    assert (job.kind, job.queue, job.parameters) == (FEATURES, "gpu", {"run": run.pk, "attempt": 1})
    assert job.created_by == world.curator
    assert run_view(run).state == RunState.QUEUED
    fail(run, "no audio")
    assert begin(world).number == 2


@pytest.mark.parametrize(
    ("reason", "change", "told"),
    [
        ("unknown_recipe", {"recipe": "magic"}, "expected one of earmark"),
        ("bad_precision", {"precision": 0.0}, "precision is 0.0"),
        ("bad_precision", {"precision": 1.01}, "at most 1"),
        ("bad_seed", {"seed": -1}, "seed is -1"),
        ("bad_seed", {"seed": 2**63}, "expected 0 to"),
        ("bad_budget", {"budget_minutes": 0}, "more than 0"),
        ("bad_budget", {"budget_minutes": float("nan")}, "more than 0"),
        ("unknown_device", {"device": "tpu"}, "auto, cpu, cuda"),
    ],
)
def test_what_cannot_be_run_is_refused_with_what_is_expected(
    world: Verifiable, reason: str, change: dict[str, Any], told: str
) -> None:
    with pytest.raises(RunRefusedError, match=told) as refused:
        begin(world, **change)
    assert refused.value.reason == reason
    assert not Job.objects.exists()


@pytest.mark.parametrize("role", [Role.PARTICIPANT, Role.ANNOTATOR, None])
def test_only_who_runs_the_dataset_runs_verification(world: Verifiable, role: Role | None) -> None:
    person = make_user() if role is None else make_member(world.dataset, role)
    run = begin(world)
    for act in (lambda: begin(world, created_by=person), lambda: cancel_run(run=run, by=person)):
        with pytest.raises(RunRefusedError, match="curator or engineer"):
            act()
    with pytest.raises(RunRefusedError) as refused:
        resume_run(run=run, by=person)
    assert refused.value.reason == "not_allowed"


@pytest.mark.parametrize("is_operator", [True, False])
def test_engineers_and_the_operator_may(world: Verifiable, *, is_operator: bool) -> None:
    person = make_user(is_superuser=True) if is_operator else make_member(world.dataset, Role.ENGINEER)
    assert begin(world, created_by=person).created_by == person


def test_two_runs_do_not_go_on_at_once(world: Verifiable) -> None:
    run = begin(world)
    with pytest.raises(RunRefusedError, match="Run 1 of this dataset goes on") as refused:
        begin(world)
    assert refused.value.reason == "already_running"
    assert cancel_run(run=run, by=world.curator)
    assert begin(world).number == 2


def test_verified_labels_of_two_categories_and_an_open_one_are_needed(world: Verifiable) -> None:
    settle(world.verified[0], "NP")
    with pytest.raises(RunRefusedError, match="Fewer than 2 categories") as refused:
        begin(world)
    assert refused.value.reason == "too_few_verified"
    settle(world.verified[0], "PNP")
    for annotation in world.open:
        annotation.came_verified = True
        annotation.save()
    with pytest.raises(RunRefusedError, match="nothing to judge") as refused:
        begin(world)
    assert refused.value.reason == "nothing_to_judge"


@pytest.mark.parametrize(
    ("state", "reason"),
    [(JobState.QUEUED, "import_running"), (JobState.RUNNING, "import_running"), (JobState.DONE, None)],
)
@pytest.mark.parametrize("lacks", ["too_few_verified", "nothing_to_judge"])
def test_labels_that_an_import_may_still_bring_are_waited_for(
    world: Verifiable, state: JobState, reason: str | None, lacks: str
) -> None:
    if lacks == "too_few_verified":
        settle(world.verified[0], "NP")
    else:
        for annotation in world.open:
            settle(annotation)
    lease = {"lease_token": uuid.uuid4(), "lease_expires_at": timezone.now()}
    Job.objects.create(kind="import-clips", dataset=world.dataset, key="x", state=state, **lease)
    Job.objects.create(kind="import-clips", dataset=make_dataset(), key="y")
    with pytest.raises(RunRefusedError) as refused:
        begin(world)
    assert refused.value.reason == (reason or lacks)
    assert ("wait until that job is done" in refused.value.detail) == bool(reason)


def test_an_import_that_goes_on_is_no_reason_to_wait_where_labels_are_enough(world: Verifiable) -> None:
    Job.objects.create(kind="import-clips", dataset=world.dataset, key="x")
    assert begin(world).number == 1


def test_cancelling_ends_what_waits_and_resuming_begins_anew(world: Verifiable) -> None:
    run = begin(world)
    assert cancel_run(run=run, by=world.curator)
    assert not cancel_run(run=run, by=world.curator)
    assert Job.objects.get().state == JobState.CANCELLED
    run.refresh_from_db()
    assert run_view(run).state == RunState.CANCELLED
    resumed = resume_run(run=run, by=world.curator)
    assert (resumed.pk, resumed.attempt, resumed.cancelled_at) == (run.pk, 2, None)
    waiting = Job.objects.get(state=JobState.QUEUED)
    assert waiting.parameters == {"run": run.pk, "attempt": 2}


def test_a_failed_run_says_why_and_can_be_resumed(world: Verifiable) -> None:
    run = begin(world)
    fail(run, "disk full")
    view = run_view(run)
    assert (view.state, view.error) == (RunState.FAILED, "disk full")
    assert run_view(resume_run(run=run, by=world.curator)).state == RunState.QUEUED


def test_a_run_that_goes_on_or_is_done_is_not_resumed(world: Verifiable) -> None:
    with pytest.raises(RunRefusedError, match="is queued") as refused:
        resume_run(run=begin(world), by=world.curator)
    assert refused.value.reason == "not_stopped"
    done = make_finished_run(world.dataset, {})
    with pytest.raises(RunRefusedError, match="is done"):
        resume_run(run=done, by=world.curator)
    assert not cancel_run(run=done, by=world.curator)


def test_a_run_is_not_resumed_beside_another_one(world: Verifiable) -> None:
    first = begin(world)
    cancel_run(run=first, by=world.curator)
    second = begin(world)
    with pytest.raises(RunRefusedError) as refused:
        resume_run(run=first, by=world.curator)
    assert refused.value.reason == "already_running"
    cancel_run(run=second, by=world.curator)
    assert run_view(resume_run(run=first, by=world.curator)).state == RunState.QUEUED


def test_a_failed_run_of_which_steps_go_on_keeps_others_from_starting_until_it_is_cancelled(world: Verifiable) -> None:
    run = begin(world)
    fail(run, "no memory")
    Job.objects.create(
        kind=STEP,
        dataset=world.dataset,
        key=f"{world.dataset.slug}/{run.key}/iteration-0-member-0-fold-1",
        parameters={"run": run.pk, "attempt": 1, "iteration": 0, "member": 0, "fold": 1},
    )
    view = run_view(run)
    assert (view.state, view.can_be_cancelled) == (RunState.FAILED, True)
    with pytest.raises(RunRefusedError) as refused:
        begin(world)
    assert refused.value.reason == "already_running"
    assert cancel_run(run=run, by=world.curator)
    assert begin(world).number == 2


def test_an_attempt_that_went_wrong_and_is_made_again_is_told(world: Verifiable) -> None:
    run = begin(world)
    Job.objects.update(attempts=1, error="the folder is not mounted")
    view = run_view(run)
    assert (view.state, view.error) == (RunState.RUNNING, "the folder is not mounted")


def test_the_database_keeps_runs_sensible(world: Verifiable) -> None:
    run = begin(world)
    for wrong in ({"precision": 0.0}, {"budget_minutes": -1.0}, {"device": "tpu"}, {"number": 0}, {"attempt": 0}):
        with pytest.raises(IntegrityError), transaction.atomic():
            VerificationRun.objects.filter(pk=run.pk).update(**wrong)
    with pytest.raises(IntegrityError), transaction.atomic():  # finished, and nobody knows on what
        VerificationRun.objects.filter(pk=run.pk).update(finished_at="2026-01-01T00:00Z")
