"""The page of one run: its state and what it found."""

from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries

from curation.models import CandidateAnnotation, Job, JobState, User
from ml.models import VerificationRun
from ml.selectors.runs import RunState, run_view
from tests.factories.rows import make_category
from tests.factories.verification_rows import (
    make_run,
    make_verifiable,
    settle,
    start,
    work,
)
from tests.ml.views.words import PAGE, client_of, post

pytestmark = pytest.mark.django_db
MOST_QUERIES = 10


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
