"""Runs done for real, on sixteen short clips: whatever happens on the way, every step is done once."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import storages
from django.utils import timezone

from annotate.selectors.queue import open_annotations
from curation.models import CandidateAnnotation, Job, JobState, Presence
from curation.services.jobs import JobContext, cancel, run_job
from ml.models import Prediction, PredictionBasis, VerificationRun
from ml.recipes import earmark
from ml.recipes.run import VerificationRun as EngineRun
from ml.selectors.review_lists import ReviewList, review_page
from ml.selectors.run_figures import class_table, iteration_table, run_totals
from ml.selectors.runs import FEATURES, JOIN, STEP, RunState, run_view
from ml.services import dataset_features, dataset_run, open_run, review_order, run_ending
from ml.services.candidate_snapshot import Snapshot
from ml.services.run_files import kept_folders, run_folder
from ml.services.runs import cancel_run, resume_run
from tests.factories.jobs import expire
from tests.factories.rows import make_annotation, make_clip, make_participant
from tests.factories.verification_rows import Verifiable, make_sound, make_verifiable, settle, start, work

pytestmark = pytest.mark.django_db

STEPS_EACH, ITERATIONS = 2, 2  # as many folds as people whose labels are judged


class KilledError(BaseException):
    """What a worker does not survive: nothing is settled, as after SIGKILL."""


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Verifiable:
    monkeypatch.setattr(earmark, "ITERATIONS", ITERATIONS)
    monkeypatch.setattr(open_run, "seconds_needed", lambda *_, **__: 1e9)
    return make_verifiable()


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count how often each step is trained."""
    counts: Counter[str] = Counter()
    do = EngineRun.do

    def counted(run: EngineRun, step: Any, **options: Any) -> None:
        counts[str(step)] += not run.folder.is_done(step)
        do(run, step, **options)

    monkeypatch.setattr(EngineRun, "do", counted)
    return counts


def found(run: VerificationRun) -> list[tuple[str, float]]:
    return list(run.predictions.order_by("annotation").values_list("basis", "p_correct"))


def abandon(job: Job) -> None:
    """Let the sweeper's time pass for a job whose worker was killed."""
    expire(job)
    Job.objects.filter(pk=job.pk).update(state=JobState.QUEUED, lease_token=None, lease_expires_at=None)


def test_a_run_judges_every_label_and_puts_the_doubtful_first(world: Verifiable, trained: Counter[str]) -> None:
    sound = make_sound(99, is_tone=True)
    clip = make_clip(world.dataset, participant=world.people[3], **sound)
    absent = settle(make_annotation(clip, world.categories[0]), Presence.NP)
    run = start(world, seed=3)
    jobs = work()
    run.refresh_from_db()
    assert [job.kind for job in jobs] == [FEATURES, *(ITERATIONS * [STEP, STEP, JOIN])]
    assert all(job.queue == "gpu" for job in jobs)
    assert not any(run_job(job_id=job.pk) for job in jobs)  # messages that come twice
    assert run_view(run).state == RunState.DONE
    assert sum(trained.values()) == len(trained) == ITERATIONS * STEPS_EACH
    # What the numbers depend on stands with the run.
    assert (run.seed, run.plan["recipe"], run.plan["iterations"]) == (3, "earmark", ITERATIONS)
    assert run.plan["members"][0]["training"]["epochs"] == 1
    assert 0 < run.plan["share"] < 1e-6
    assert len(run.candidates_digest) == 64
    assert run.code_version == jobs[1].result["code"]
    judged = run.predictions.filter(basis=PredictionBasis.CANDIDATE)
    assert {each.annotation for each in judged} == set(world.open)
    assert {each.annotation for each in run.predictions.filter(priority=0)} == {*world.verified, absent}
    # What people found absent is judged no more; the run says which class it should have instead.
    rejected = run.predictions.get(annotation=absent)
    assert rejected.basis == PredictionBasis.REJECTED
    assert (rejected.p_correct, rejected.admitted, rejected.predicted) == (0, False, world.categories[1])
    assert absent.pk not in {each.annotation_id for each in review_page(run, ReviewList.SUSPICIOUS).rows}
    first = run.predictions.order_by("-priority").first()
    assert first is not None
    assert open_annotations(world.dataset, make_participant(world.dataset)).first() == first.annotation
    assert [row["iteration"] for row in iteration_table(run)] == [1, 2]
    totals = run_totals(run)
    assert totals is not None
    assert (totals.verified, totals.judged) == (8, 8)
    assert [(row.name, row.verified, row.judged) for row in class_table(run)] == [("Noise", 4, 4), ("Tone", 4, 4)]


def test_labels_of_somebody_who_teaches_nobody_are_judged_in_an_iteration_of_its_own(
    world: Verifiable, trained: Counter[str]
) -> None:
    stranger = make_clip(world.dataset, participant=make_participant(world.dataset), **make_sound(99, is_tone=True))
    both = [make_annotation(stranger, category) for category in world.categories]  # which of the two is right?
    run = start(world)
    jobs = work()
    run.refresh_from_db()
    assert [job.kind for job in jobs] == [FEATURES, *((ITERATIONS + 1) * [STEP, STEP, JOIN])]
    assert sum(trained.values()) == len(trained) == (ITERATIONS + 1) * STEPS_EACH
    assert run_view(run).state == RunState.DONE
    assert run_view(run).share_done == 1
    assert [row.get("strangers") for row in iteration_table(run)] == [None] * ITERATIONS + [1]
    judged = run.predictions.filter(annotation__in=both, basis=PredictionBasis.OTHER).values_list(
        "p_correct", flat=True
    )
    assert len(judged) == 2
    assert sum(judged) == pytest.approx(1)
    assert judged[0] != pytest.approx(0.5)


def test_a_run_that_is_killed_anywhere_ends_as_an_undisturbed_one(
    world: Verifiable, trained: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    start(world)
    work()
    undisturbed = found(VerificationRun.objects.get())
    trained.clear()
    other = make_verifiable()
    run = start(other)

    def killed_once(target: object, name: str, *, after: bool) -> None:
        """Let a function kill the worker when it is called next, before or after its work."""
        original = getattr(target, name)

        def kill(*values: Any, **options: Any) -> Any:
            monkeypatch.setattr(target, name, original)
            if after:
                original(*values, **options)
            raise KilledError

        monkeypatch.setattr(target, name, kill)

    kills: list[Callable[[], None]] = [
        lambda: killed_once(dataset_run, "settle_plan", after=True),
        lambda: killed_once(dataset_run, "ask_steps", after=True),
        lambda: killed_once(EngineRun, "do", after=False),
        lambda: killed_once(dataset_run, "all_steps_done", after=False),  # the step is done, and says so
        lambda: killed_once(EngineRun, "join", after=True),
        lambda: killed_once(run_ending, "write_predictions", after=True),
        lambda: killed_once(run_ending, "request_order", after=False),
        lambda: killed_once(run_ending, "request_order", after=True),
        lambda: killed_once(run_ending, "_end", after=True),
    ]
    for arrange in kills:
        arrange()
        with pytest.raises(KilledError):
            work()
        abandon(Job.objects.get(state=JobState.RUNNING))
    work()
    run.refresh_from_db()
    assert run_view(run).state == RunState.DONE
    assert max(trained.values()) == 1
    assert sum(trained.values()) == ITERATIONS * STEPS_EACH
    assert found(run) == undisturbed
    assert not Job.objects.exclude(state=JobState.DONE).exists()


def test_a_run_that_is_cancelled_at_the_very_end_leaves_the_order_of_reviews(
    world: Verifiable, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start(world)
    write = run_ending.write_predictions

    def cancel_meanwhile(**options: Any) -> None:
        write(**options)
        VerificationRun.objects.update(cancelled_at=timezone.now())

    monkeypatch.setattr(run_ending, "write_predictions", cancel_meanwhile)
    work()
    run.refresh_from_db()
    assert run.finished_at is None
    assert run_view(run).state == RunState.CANCELLED
    assert not CandidateAnnotation.objects.exclude(review_priority=0.0).exists()


@pytest.mark.parametrize("at_once", [1, 1_000])
def test_cancelling_the_last_job_of_a_finished_run_leaves_no_half_order(
    world: Verifiable, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(review_order, "AT_ONCE", at_once)
    monkeypatch.setattr(review_order, "BLOCK_ROWS", 2)
    end = run_ending._end

    def cancel_after(run: VerificationRun, context: JobContext, reached: dict[str, Any]) -> None:
        end(run, context, reached)
        assert cancel(job=context.job)

    monkeypatch.setattr(run_ending, "_end", cancel_after)
    run = start(world)
    work()
    run.refresh_from_db()
    assert run_view(run).state == RunState.DONE
    priorities = dict(run.predictions.values_list("annotation", "priority"))
    assert dict(CandidateAnnotation.objects.values_list("pk", "review_priority")) == priorities
    assert any(priorities.values())


def test_a_cancelled_run_stops_at_its_next_step_and_resumes_where_it_was(
    world: Verifiable, trained: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start(world)
    *_, last = work(most=2)  # features and the first step
    assert last.kind == STEP
    before = dict(trained)
    tell = dataset_run._StepReport.tell

    def cancel_meanwhile(report: Any, **options: Any) -> None:
        cancel_run(run=run, by=world.curator)
        report._context._heartbeat._cancelled.set()  # what the heartbeat would find in the row
        tell(report, **options)

    monkeypatch.setattr(dataset_run._StepReport, "tell", cancel_meanwhile)
    (stopped,) = work()
    assert (stopped.kind, stopped.state) == (STEP, JobState.CANCELLED)
    monkeypatch.setattr(dataset_run._StepReport, "tell", tell)
    run.refresh_from_db()
    assert run_view(run).state == RunState.CANCELLED
    assert not cancel_run(run=run, by=world.curator)
    run = resume_run(run=run, by=world.curator)
    assert run_view(run).state == RunState.QUEUED
    work()
    run.refresh_from_db()
    assert run_view(run).state == RunState.DONE
    assert len(before) == 1
    assert all(trained[step] == 1 for step in before)
    # The interrupted step had its one epoch in a checkpoint, from which it was predicted.
    assert sum(trained.values()) == ITERATIONS * STEPS_EACH + 1


def test_a_job_of_an_earlier_start_does_nothing(world: Verifiable, trained: Counter[str]) -> None:
    run = start(world)
    work(most=1)
    waiting = Job.objects.filter(kind=STEP, state=JobState.QUEUED).first()
    assert waiting is not None
    VerificationRun.objects.filter(pk=run.pk).update(attempt=2)
    assert run_job(job_id=waiting.pk)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.result) == (JobState.DONE, {"stopped": True})
    assert not trained


def test_clips_without_audio_stop_the_run_and_are_named(world: Verifiable) -> None:
    clip = world.open[0].clip
    path = Path(storages["audio"].path(clip.audio_key))
    sound = path.read_bytes()
    path.unlink()
    run = start(world)
    work()
    view = run_view(run)
    assert view.state == RunState.FAILED
    assert "The audio of 1 clips cannot be used." in view.error
    assert clip.name in view.error
    path.write_bytes(sound)
    resume_run(run=run, by=world.curator)
    (prepared,) = work(most=1)
    assert prepared.result["computed"] == 1  # the others had theirs


def test_a_run_that_begins_before_an_import_is_done_says_to_wait_for_it(world: Verifiable) -> None:
    person = world.people[2]
    others = world.dataset.clips.exclude(participant=person)
    owners = dict(others.values_list("pk", "participant"))
    others.update(participant=person)
    importing = Job.objects.create(
        kind="import-clips", dataset=world.dataset, key="x", available_at=timezone.now() + timedelta(days=1)
    )
    run = start(world)
    (prepared,) = work()
    assert "All labelled clips are of one participant" in prepared.error
    assert prepared.error.endswith("Clips are being imported: resume the run when that job is done.")
    for pk, owner in owners.items():
        world.dataset.clips.filter(pk=pk).update(participant=owner)
    importing.delete()
    resume_run(run=run, by=world.curator)
    (prepared,) = work(most=1)
    assert prepared.state == JobState.DONE


def test_labels_that_came_while_a_run_goes_on_are_not_its_affair(world: Verifiable) -> None:
    run = start(world)
    work(most=2)
    sound = make_sound(99, is_tone=True)
    late = make_annotation(make_clip(world.dataset, participant=world.people[3], **sound), world.categories[1])
    settle(world.open[0])
    work()
    assert not Prediction.objects.filter(annotation=late).exists()
    assert run.predictions.get(annotation=world.open[0]).basis == PredictionBasis.CANDIDATE
    # The next run knows them.
    again = start(world)
    work(most=1)
    snapshot = Snapshot.read(run_folder(again) / open_run.SNAPSHOT)
    confirmed = dict(zip(snapshot.annotation_A.tolist(), snapshot.confirmed_A.tolist(), strict=True))
    assert (confirmed[late.pk], confirmed[world.open[0].pk]) == (False, True)


def test_a_run_whose_folder_is_gone_says_so(world: Verifiable) -> None:
    run = start(world)
    work(most=1)
    (run_folder(run) / open_run.SNAPSHOT).unlink()
    (job,) = work(most=1)
    assert job.state == JobState.FAILED
    assert "must share the data folder" in job.error


def test_a_run_begun_by_code_that_trained_something_else_is_told_to_start_anew(world: Verifiable) -> None:
    run = start(world)
    work(most=1)
    (about,) = run_folder(run).glob("run*.json")
    stored = json.loads(about.read_text(encoding="utf-8"))
    stored["plan"]["members"][0]["training"]["batch_size"] += 1
    about.write_text(json.dumps(stored), encoding="utf-8")
    work(most=1)
    job = Job.objects.filter(kind=STEP).exclude(error="").get()
    assert job.state == JobState.FAILED
    run.refresh_from_db()
    assert job.error == (
        f"Run 1 was begun by other code ({run.code_version}), and what it has done cannot be used by the code of this "
        "worker. Start a new run."
    )


def test_a_message_that_comes_late_makes_no_folder_for_a_run_that_was_pruned(world: Verifiable) -> None:
    run = start(world)
    work()
    shutil.rmtree(run_folder(run))
    late = Job.objects.filter(kind__in=(FEATURES, STEP, JOIN))
    late.update(state=JobState.QUEUED, attempts=0, finished_at=None)
    assert {job.kind for job in work()} == {FEATURES, STEP, JOIN}
    assert set(late.values_list("state", flat=True)) == {JobState.DONE}
    assert run.folder_id not in dict(kept_folders())


def test_a_job_that_somebody_cancels_stops_the_run(world: Verifiable) -> None:
    run = start(world)
    work(most=1)
    job = Job.objects.filter(kind=STEP).first()
    assert job is not None
    cancel(job=job)
    assert run_view(run).state == RunState.CANCELLED


def test_features_are_shared_between_runs(world: Verifiable) -> None:
    run = start(world)
    assert work(most=1)[0].result["computed"] == 16
    cancel_run(run=run, by=world.curator)
    start(world)
    assert work(most=1)[0].result["computed"] == 0


def test_a_published_recipe_leaves_rejected_clips_out(world: Verifiable) -> None:
    sound = make_sound(99, is_tone=True)
    clip = make_clip(world.dataset, participant=world.people[3], **sound)
    absent = settle(make_annotation(clip, world.categories[0]), Presence.NP)
    run = start(world, recipe="icme2024")
    work()
    run.refresh_from_db()
    assert run_view(run).state == RunState.DONE
    assert not run.predictions.filter(annotation=absent).exists()
    assert run.predictions.filter(basis=PredictionBasis.CANDIDATE).count() == len(world.open)


def test_features_are_computed_on_the_device_of_the_run(world: Verifiable, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    original = dataset_features.store_features

    def here(*clips: Any, device: str, **options: Any) -> Any:
        asked.append(device)
        return original(*clips, device="cpu", **options)

    monkeypatch.setattr(dataset_features, "store_features", here)
    monkeypatch.setattr(dataset_run.accelerator, "device_for", lambda _: "cuda")
    monkeypatch.setattr(dataset_run, "settle_plan", lambda *_, **__: None)
    monkeypatch.setattr(dataset_run, "open_run", lambda *_, **__: None)
    monkeypatch.setattr(dataset_run, "_ask_next", lambda _: None)
    start(world)
    (job,) = work()

    assert job.state == JobState.DONE
    assert asked == ["cuda"]
