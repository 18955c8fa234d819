"""The page of one run: its state, what it found, and a curator's word on labels."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from curation.models import CandidateAnnotation, Job, JobState, Role, User
from curation.services.jobs import JobContext, run_job
from ml.models import AcceptanceEvent, AcceptanceKind, VerificationRun
from ml.selectors.acceptances import accepted_count
from ml.selectors.runs import RunState, run_view
from ml.services import bulk_acceptance
from ml.services.acceptance import accept_labels, undo_acceptance
from tests.factories.rows import make_annotation, make_category, make_clip, make_dataset, make_member
from tests.factories.verification_rows import (
    make_finished_run,
    make_run,
    make_verifiable,
    settle,
    start,
    work,
)

pytestmark = pytest.mark.django_db
MOST_QUERIES = 10


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def labels() -> list[CandidateAnnotation]:
    dataset = make_dataset("streets")
    category = make_category(dataset, "Cafe")
    return [make_annotation(make_clip(dataset), category) for _ in range(30)]


@pytest.fixture
def run(labels: list[CandidateAnnotation]) -> VerificationRun:
    """Thirty labels, the first right with 0.70, each further one with one hundredth more."""
    found = {label: round(0.70 + 0.01 * place, 2) for place, label in enumerate(labels)}
    run = make_finished_run(labels[0].dataset, found)
    run.summary = {
        "totals": {"verified": 4, "judged": 30, "probably_wrong": 0, "would_accept": 3},
        "acceptance": [[0.70, 30, 0.845], [0.80, 20, 0.895], [0.90, 10, 0.945], [0.97, 3, 0.98]],
        "histogram": [0] * 14 + [5] * 6,
        "classes": [],
        "reliability": [],
    }
    run.save()
    return run


@pytest.fixture
def curator(run: VerificationRun) -> User:
    return make_member(run.dataset, Role.CURATOR)


PAGE = "/d/streets/verification/1/"


def post(user: User, act: str, **wish: Any) -> list[str]:
    """Give a word; return the messages of the page that answers."""
    page = client_of(user).post(f"{PAGE}{act}/", wish, follow=True)
    assert page.status_code == 200
    return [str(message) for message in page.context["messages"]]


def test_a_real_run_is_shown_at_every_state(django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    world = make_verifiable()
    run = start(world)
    client = client_of(world.curator)
    place = f"/d/{world.dataset.slug}/verification/1/"

    def shown() -> str:
        client.get(place)
        with django_assert_max_num_queries(MOST_QUERIES):
            page = client.get(place)
        assert page.status_code == 200
        return page.content.decode()

    waiting = shown()
    assert "data-goes-on" in waiting
    assert "worker --queues gpu" in waiting
    work(most=2)
    assert "svg" in shown().split('data-refresh="losses"')[1]
    assert "Cancel the run" in shown()
    work()
    done = shown()
    run.refresh_from_db()
    assert run.finished_at is not None
    assert "data-goes-on" not in done
    for part in ("acceptance", "labels", "histogram", "reliability", "confusion", "classes", "iterations", "losses"):
        assert f'"{part}-title"' in done, part
    assert run.candidates_digest in done
    assert run.code_version in done


def test_a_run_is_cancelled_and_resumed() -> None:
    world = make_verifiable()
    run = start(world)
    client = client_of(world.curator)
    place = f"/d/{world.dataset.slug}/verification/1/"
    assert b"Resume" in client.post(f"{place}cancel/", follow=True).content
    run.refresh_from_db()
    assert run_view(run).state == RunState.CANCELLED
    assert b"Cancel the run" in client.post(f"{place}resume/", follow=True).content
    run.refresh_from_db()
    assert (run_view(run).state, run.attempt) == (RunState.QUEUED, 2)
    again = client.post(f"{place}resume/", follow=True)
    assert [str(message) for message in again.context["messages"]] == [
        "Only a run that failed or was cancelled can be resumed."
    ]


def test_a_failed_run_says_what_went_wrong() -> None:
    world = make_verifiable()
    run = start(world)
    Job.objects.update(state=JobState.FAILED, error="the disk is full")
    page = client_of(world.curator).get(f"/d/{world.dataset.slug}/verification/{run.number}/")
    assert b"the disk is full" in page.content
    assert b"Resume" in page.content


def test_a_number_that_no_run_has_is_not_found(curator: User) -> None:
    assert client_of(curator).get("/d/streets/verification/2/").status_code == 404
    assert client_of(curator).get("/d/streets/verification/99999999999999999999/").status_code == 404


def test_the_most_suspicious_come_first_page_by_page(
    run: VerificationRun, curator: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client = client_of(curator)
    assert run.finished_at
    client.get(PAGE)
    with django_assert_max_num_queries(MOST_QUERIES):
        first = client.get(PAGE)
    chances = [row.prediction.p_correct for row in first.context["rows"]]
    rest = client.get(PAGE, {"cursor": first.context["page"].next_cursor})
    chances += [row.prediction.p_correct for row in rest.context["rows"]]
    assert chances == sorted(chances)
    assert len(chances) == len(set(chances)) == 30
    assert rest.context["page"].next_cursor == ""


@pytest.mark.parametrize("cursor", ["x", "1:x", "nan:1", ":", "1e999:2", "0.5:99999999999999999999"])
def test_a_cursor_that_is_none_does_no_harm(run: VerificationRun, curator: User, cursor: str) -> None:
    assert run.finished_at
    assert client_of(curator).get(PAGE, {"cursor": cursor}).status_code == 200


def test_what_people_settled_or_a_curator_accepted_leaves_the_list(
    labels: list[CandidateAnnotation], run: VerificationRun, curator: User
) -> None:
    settle(labels[0])
    assert post(curator, "accept", annotation=labels[1].pk) == ["1 label accepted."]
    shown = [row.prediction.annotation_id for row in client_of(curator).get(PAGE).context["rows"]]
    assert labels[2].pk == shown[0]
    accepted = client_of(curator).get(PAGE, {"list": "accepted"}).context["rows"]
    assert [row.prediction.annotation_id for row in accepted] == [labels[1].pk]
    assert run.finished_at


def test_labels_just_good_enough_are_heard_from_the_bar_up(run: VerificationRun, curator: User) -> None:
    page = client_of(curator).get(PAGE, {"list": "border", "precision": "0.94"})
    assert page.context["preview"].threshold == 0.90
    chances = [round(row.prediction.p_correct, 2) for row in page.context["rows"]]
    assert chances == [0.90, 0.91, 0.92, 0.93, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99]
    assert run.finished_at


def test_labels_of_one_category_are_listed_alone(run: VerificationRun, curator: User) -> None:
    other = make_category(run.dataset, "Bus")
    assert client_of(curator).get(PAGE, {"category": other.pk}).context["rows"] == []
    assert len(client_of(curator).get(PAGE, {"category": "no"}).context["rows"]) == 20


@pytest.mark.parametrize("text", ["", "high", "nan", "-1", "2"])
def test_a_precision_that_cannot_be_is_that_of_the_run(run: VerificationRun, curator: User, text: str) -> None:
    assert client_of(curator).get(PAGE, {"precision": text}).context["precision"] == run.precision


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


def test_labels_are_accepted_on_the_word_of_the_newest_run_alone(
    labels: list[CandidateAnnotation], run: VerificationRun, curator: User
) -> None:
    make_finished_run(run.dataset, {labels[0]: 0.01})
    newer = "A newer run is done. Accept labels on its word."
    assert post(curator, "accept", precision="0.94") == [newer]
    assert post(curator, "accept", annotation=labels[29].pk) == [newer]
    page = client_of(curator).get(PAGE)
    assert b"Run 2 is newer" in page.content
    assert b"data-accept" not in page.content
    assert accepted_count(run.dataset) == 0


@pytest.mark.parametrize("act", ["accept", "undo", "cancel", "resume"])
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
    assert post(curator, "accept", precision="0.999") == ["No label reaches this precision."]
    assert accepted_count(run.dataset) == 0


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
    assert [str(message) for message in unfinished.context["messages"]] == ["No label reaches this precision."]


@pytest.mark.parametrize("asked", ["https://example.org/", "//example.org", "/d/streets/", "/d/streets/verification/1"])
def test_a_word_leads_back_to_the_runs_page_and_nowhere_else(run: VerificationRun, curator: User, asked: str) -> None:
    client = client_of(curator)
    assert run.finished_at
    assert client.post(f"{PAGE}undo/", {"everything": "1", "next": asked})["Location"] == PAGE
    back = f"{PAGE}?list=border#labels"
    assert client.post(f"{PAGE}undo/", {"everything": "1", "next": back})["Location"] == back


def test_runs_are_compared_side_by_side(
    run: VerificationRun, curator: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client = client_of(curator)
    assert b"Choose at least two runs" in client.get("/d/streets/verification/compare/").content
    for _ in range(5):
        make_run(run.dataset, finished=True, summary=run.summary)
    with django_assert_max_num_queries(MOST_QUERIES):
        page = client.get("/d/streets/verification/compare/", {"run": ["6", "1", "9", "2", "3"]})
    assert [one.number for one in page.context["runs"]] == [1, 2, 6]
    newest = client.get("/d/streets/verification/compare/").context["runs"]
    assert [one.number for one in newest] == [5, 6]
