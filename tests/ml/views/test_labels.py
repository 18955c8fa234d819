"""A curator's word on labels: one by one, above a precision, by a job, and taken back."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from curation.models import CandidateAnnotation, Job, JobState, Role, User
from curation.services.jobs import JobContext, run_job
from curation.services.summaries import refresh_summary
from ml.models import AcceptanceEvent, AcceptanceKind, VerificationRun
from ml.selectors.acceptances import accepted_count
from ml.services import bulk_acceptance
from ml.services.acceptance import accept_labels, undo_acceptance
from tests.factories.rows import make_annotation, make_category, make_clip, make_dataset, make_member
from tests.factories.verification_rows import (
    make_finished_run,
    make_run,
    settle,
)
from tests.ml.views.words import PAGE, client_of, post

pytestmark = pytest.mark.django_db
MOST_QUERIES = 10


def test_all_that_keep_a_precision_are_accepted_and_all_taken_back(
    labels: list[CandidateAnnotation], run: VerificationRun, curator: User
) -> None:
    settle(labels[29])
    assert post(curator, "accept", precision="0.94") == ["9 labels accepted."]
    assert accepted_count(run.dataset) == 9
    assert not AcceptanceEvent.objects.filter(annotation=labels[29]).exists()
    assert post(curator, "accept", precision="0.94") == ["0 labels accepted."]
    assert post(curator, "undo", annotation=labels[28].pk) == ["1 acceptance taken back."]
    assert post(curator, "undo", everything="1") == ["8 acceptances taken back."]
    assert accepted_count(run.dataset) == 0
    assert AcceptanceEvent.objects.filter(kind=AcceptanceKind.UNDO).count() == 9


def test_many_labels_are_accepted_and_taken_back_by_a_job(
    run: VerificationRun, curator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_acceptance, "AT_ONCE", 5)
    monkeypatch.setattr(bulk_acceptance, "BLOCK_LABELS", 4)
    for act, wish, left in (("accept", {"precision": "0.94"}, 10), ("undo", {"everything": "1"}, 0)):
        (said,) = post(curator, act, **wish)
        assert "background" in said
        job = Job.objects.get(state=JobState.QUEUED)
        assert (job.kind, job.queue) == ("verify-accept", "default")
        assert accepted_count(run.dataset) == 10 - left
        run_job(job_id=job.pk)
        job.refresh_from_db()
        assert (job.state, job.result) == (JobState.DONE, {"stored": 10})
        assert accepted_count(run.dataset) == left


def test_a_job_of_somebody_who_is_no_curator_any_more_accepts_nothing(
    run: VerificationRun, curator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_acceptance, "AT_ONCE", 1)
    post(curator, "accept", precision="0.94")
    curator.memberships.all().delete()
    job = Job.objects.get()
    run_job(job_id=job.pk)
    job.refresh_from_db()
    assert job.state == JobState.FAILED
    assert "curators" in job.error
    assert accepted_count(run.dataset) == 0


def test_taking_all_back_stops_the_job_that_accepts(
    run: VerificationRun, curator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_acceptance, "AT_ONCE", 5)
    assert "background" in post(curator, "accept", precision="0.94")[0]
    waiting = Job.objects.get()
    post(curator, "undo", everything="1")
    waiting.refresh_from_db()
    assert waiting.state == JobState.CANCELLED
    assert accepted_count(run.dataset) == 0


def test_a_word_waits_for_the_jobs_of_earlier_words(
    labels: list[CandidateAnnotation], run: VerificationRun, curator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_acceptance, "AT_ONCE", 5)
    monkeypatch.setattr(bulk_acceptance, "WAIT_S", 0.0)
    post(curator, "accept", precision="0.94")
    accepting = Job.objects.get()
    Job.objects.update(state=JobState.RUNNING, lease_token=accepting.pk, lease_expires_at=timezone.now())
    accept_labels(run=run, annotations=[labels[29].pk], by=curator)  # its first block
    assert "background" in post(curator, "undo", everything="1")[0]
    accepting.refresh_from_db()
    assert accepting.cancel_requested
    undoing = Job.objects.exclude(pk=accepting.pk).get()
    looks: list[int] = []

    def end_the_other(_context: JobContext, done: int, _total: int | None) -> None:
        looks.append(done)
        Job.objects.filter(pk=accepting.pk).update(state=JobState.CANCELLED)

    monkeypatch.setattr(JobContext, "progress", end_the_other)
    run_job(job_id=undoing.pk)
    assert looks[0] == 0
    assert accepted_count(run.dataset) == 0


def test_a_killed_job_goes_on_and_accepts_no_label_again_that_was_taken_back(
    labels: list[CandidateAnnotation], run: VerificationRun, curator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_acceptance, "AT_ONCE", 5)
    monkeypatch.setattr(bulk_acceptance, "BLOCK_LABELS", 4)
    post(curator, "accept", precision="0.94")
    job = Job.objects.get()
    accept = accept_labels
    blocks: list[int] = []

    def dies_in_the_second_block(**word: Any) -> Any:
        blocks.append(len(word["annotations"]))
        if len(blocks) == 2:
            raise KeyboardInterrupt
        return accept(**word)

    monkeypatch.setattr(bulk_acceptance, "accept_labels", dies_in_the_second_block)
    with pytest.raises(KeyboardInterrupt):
        run_job(job_id=job.pk)
    monkeypatch.setattr(bulk_acceptance, "accept_labels", accept)
    assert accepted_count(run.dataset) == 4
    undo_acceptance(run=run, annotations=[labels[29].pk], by=curator)
    Job.objects.update(state=JobState.QUEUED, lease_token=None, lease_expires_at=None, available_at=None)
    run_job(job_id=job.pk)
    job.refresh_from_db()
    assert (job.state, job.result) == (JobState.DONE, {"stored": 10})
    assert accepted_count(run.dataset) == 9


def test_labels_are_accepted_on_the_word_of_the_run_in_force_alone(
    labels: list[CandidateAnnotation], run: VerificationRun, curator: User
) -> None:
    make_finished_run(run.dataset, {labels[0]: 0.01})
    newer = "People review by another run. Accept labels on its word, or choose this run first."
    assert post(curator, "accept", precision="0.94") == [newer]
    assert post(curator, "accept", annotation=labels[29].pk) == [newer]
    page = client_of(curator).get(PAGE)
    assert b"People review by run 2" in page.content
    assert b"data-accept" not in page.content
    assert accepted_count(run.dataset) == 0
    assert post(curator, "choose") == ["People review in the order of this run now, whichever runs are done later."]
    assert post(curator, "accept", annotation=labels[29].pk) == ["1 label accepted."]


def test_a_curator_chooses_the_run_that_people_review_by_on_its_page(
    labels: list[CandidateAnnotation], run: VerificationRun, curator: User
) -> None:
    make_finished_run(run.dataset, {labels[0]: 0.01})
    page = client_of(curator).get(PAGE).content.decode()
    assert "People review in the order of run 2." in page
    assert "Review by this run" in page
    post(curator, "choose")
    page = client_of(curator).get(PAGE).content.decode()
    assert "a curator chose it" in page
    runs = client_of(curator).get("/d/streets/verification/").content.decode()
    assert runs.count("people review by it") == 1
    refresh_summary(dataset=run.dataset)
    assert "the run that a curator chose" in client_of(curator).get("/d/streets/").content.decode()
    assert post(curator, "unchoose") == ["The newest finished run decides the order of the review again."]
    engineer = make_member(run.dataset, Role.ENGINEER)
    assert "Review by this run" not in client_of(engineer).get(PAGE).content.decode()


@pytest.mark.parametrize("act", ["accept", "undo", "cancel", "resume", "choose", "unchoose"])
def test_whoever_comes_to_a_form_by_signing_in_again_is_led_to_the_page(
    run: VerificationRun, curator: User, act: str
) -> None:
    assert run.finished_at
    assert client_of(curator).get(f"{PAGE}{act}/")["Location"] == PAGE
    assert not AcceptanceEvent.objects.exists()


@pytest.mark.parametrize(
    "wish",
    [
        {},
        {"annotation": str(10**30)},
        {"annotation": "1", "precision": "0.9"},
        {"precision": "2"},
        {"annotation": "x"},
        {"everything": "1"},
    ],
)
def test_a_word_that_says_not_which_labels_stores_nothing(
    run: VerificationRun, curator: User, wish: dict[str, str]
) -> None:
    assert len(post(curator, "accept", **wish)) == 1
    assert accepted_count(run.dataset) == 0


def test_a_precision_that_no_label_reaches_accepts_none(run: VerificationRun, curator: User) -> None:
    (said,) = post(curator, "accept", precision="0.999")
    assert said.startswith("No labels reach this precision: at most 98.0 % of them are right for certain.")
    assert accepted_count(run.dataset) == 0


def test_a_run_that_lacks_clips_to_trust_it_by_says_so(run: VerificationRun, curator: User) -> None:
    heard = {"low": 0.0, "high": 1.0, "clips": 29, "confidence": 0.9, "accuracy": 0.9}
    run.summary |= {"assured": [], "reliability": [heard]}
    run.save()
    (said,) = post(curator, "accept", precision="0.9")
    assert "judged 29 verified clips" in said
    assert "at least 30" in said
    page = client_of(curator).get(PAGE).content.decode()
    assert "judged 29 verified clips" in page  # where there is no slider to ask with


def test_an_engineer_looks_but_accepts_nothing(labels: list[CandidateAnnotation], run: VerificationRun) -> None:
    engineer = make_member(run.dataset, Role.ENGINEER)
    page = client_of(engineer).get(PAGE)
    assert b"Accept up to" not in page.content
    for wish in ({"annotation": labels[0].pk}, {"precision": "0.94"}):
        assert post(engineer, "accept", **wish) == ["Labels are accepted by curators of the dataset alone."]
    assert post(engineer, "undo", everything="1") == ["Labels are accepted by curators of the dataset alone."]
    assert not AcceptanceEvent.objects.exists()


def test_labels_of_another_run_or_dataset_are_refused(run: VerificationRun, curator: User) -> None:
    stranger = make_annotation(make_clip(make_dataset()), make_category(run.dataset))
    assert post(curator, "accept", annotation=stranger.pk) == ["Run 1 has not judged all of these labels."]
    make_run(run.dataset)
    unfinished = client_of(curator).post("/d/streets/verification/2/accept/", {"precision": "0.9"}, follow=True)
    said = [str(message) for message in unfinished.context["messages"]]
    assert said == ["The run is not finished; its predictions may change."]


@pytest.mark.parametrize("asked", ["https://example.org/", "//example.org", "/d/streets/", "/d/streets/verification/1"])
def test_a_word_leads_back_to_the_runs_page_and_nowhere_else(run: VerificationRun, curator: User, asked: str) -> None:
    client = client_of(curator)
    assert run.finished_at
    assert client.post(f"{PAGE}undo/", {"everything": "1", "next": asked})["Location"] == PAGE
    back = f"{PAGE}?list=border#labels"
    assert client.post(f"{PAGE}undo/", {"everything": "1", "next": back})["Location"] == back
