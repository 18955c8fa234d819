"""A run ends, or a label is accepted, while a curator chooses another run: the later sees the other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection, transaction

from curation.models import CandidateAnnotation, Job, JobState, Role, User
from curation.services.jobs import run_here
from ml.models import AcceptanceEvent, VerificationRun
from ml.selectors.runs import JOIN
from ml.services import review_order, run_ending
from ml.services.acceptance import AcceptanceRefusedError, accept_labels
from ml.services.run_choice import choose_run
from ml.services.run_jobs import ask_join
from ml.services.runs import RunRefusedError, resume_run
from tests.factories.file_database import own_database
from tests.factories.rows import make_annotation, make_category, make_clip, make_dataset, make_member
from tests.factories.verification_rows import make_finished_run, make_prediction, make_run

pytestmark = pytest.mark.django_db(transaction=True)

LOOK_S, MOST_LOOKS = 0.05, 200


@pytest.fixture(autouse=True)
def _database_on_disk(tmp_path: Path, transactional_db: None) -> Iterator[None]:  # noqa: ARG001 -- comes first
    with own_database(tmp_path):
        yield


@pytest.fixture
def labels(_database_on_disk: None) -> list[CandidateAnnotation]:
    dataset = make_dataset()
    category = make_category(dataset)
    return [make_annotation(make_clip(dataset), category) for _ in range(3)]


@pytest.fixture
def old(labels: list[CandidateAnnotation]) -> VerificationRun:
    return make_finished_run(labels[0].dataset, dict.fromkeys(labels, 0.9))


@pytest.fixture
def curator(labels: list[CandidateAnnotation]) -> User:
    return make_member(labels[0].dataset, Role.CURATOR)


def while_open(
    word: Callable[[], object], later: Callable[[], object], before_commit: Callable[[], object] = lambda: None
) -> object:
    """Give a word, begin something else that has to wait for it, then commit; return what became of the other."""
    results: list[object] = []

    def begin() -> None:
        try:
            results.append(later())
        except Exception as error:  # noqa: BLE001 -- the test looks at it
            results.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=begin)
    with transaction.atomic():
        word()
        thread.start()
        wait_until_blocked()
        assert not results
        before_commit()
    thread.join(60)
    return results[0]


def wait_until_blocked() -> None:
    if connection.vendor == "sqlite":  # which lets one write at a time: whoever comes later has not begun
        time.sleep(5 * LOOK_S)
        return
    for _ in range(MOST_LOOKS):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        time.sleep(LOOK_S)
    pytest.fail("Nothing waits: the other has passed by the word.")


def end(run: VerificationRun) -> None:
    """End a run whose predictions are written, in a job as the one that joins."""

    def work(context: run_ending.JobContext) -> dict[str, object]:
        run_ending._end(run, context, {})
        return {}

    run_here(kind=JOIN, dataset=run.dataset, work=work)


def newer_than(old: VerificationRun, labels: list[CandidateAnnotation]) -> VerificationRun:
    run = make_run(old.dataset, candidates_digest="0" * 64, code_version="test")
    for label in labels:
        make_prediction(run, label, 0.2)
    return run


def priorities() -> set[float]:
    return {round(each, 6) for each in CandidateAnnotation.objects.values_list("review_priority", flat=True)}


def test_a_run_that_ends_while_another_is_chosen_leaves_the_order_of_the_chosen_one(
    labels: list[CandidateAnnotation], old: VerificationRun, curator: User
) -> None:
    new = newer_than(old, labels)
    assert while_open(lambda: choose_run(run=old, by=curator), lambda: end(new)) is None
    new.refresh_from_db()
    assert new.finished_at is not None
    assert priorities() == {0.1}


def test_a_block_that_is_ordered_while_another_run_is_chosen_is_in_the_order_of_the_chosen_one(
    labels: list[CandidateAnnotation], old: VerificationRun, curator: User
) -> None:
    make_finished_run(old.dataset, dict.fromkeys(labels, 0.2))
    order = lambda: review_order.order_reviews(dataset=old.dataset, on_block=lambda _: None)  # noqa: E731
    assert while_open(lambda: choose_run(run=old, by=curator), order) is None
    assert priorities() == {0.1}


def test_a_label_is_not_accepted_on_the_word_of_a_run_that_is_in_force_no_more(
    labels: list[CandidateAnnotation], old: VerificationRun, curator: User
) -> None:
    new = make_finished_run(old.dataset, dict.fromkeys(labels, 0.2))
    refused = while_open(
        lambda: choose_run(run=old, by=curator),
        lambda: accept_labels(run=new, annotations=[labels[0].pk], by=curator),
    )
    assert isinstance(refused, AcceptanceRefusedError)
    assert refused.reason == "not_in_force"
    assert not AcceptanceEvent.objects.exists()


def test_a_run_that_is_resumed_while_it_ends_waits_for_its_end(
    labels: list[CandidateAnnotation], old: VerificationRun, curator: User
) -> None:
    new = newer_than(old, labels)
    ask_join(new, 0)
    Job.objects.filter(kind=JOIN).update(state=JobState.FAILED)  # and another worker has it still
    refused = while_open(
        lambda: choose_run(run=old, by=curator),
        lambda: resume_run(run=new, by=curator),
        before_commit=lambda: end(new),
    )
    assert isinstance(refused, RunRefusedError)
    assert refused.reason == "not_stopped"
