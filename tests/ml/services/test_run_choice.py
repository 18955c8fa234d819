"""Which run people review by: the newest finished one, or the one that a curator chose until that is taken back."""

from __future__ import annotations

from typing import Any

import pytest

from annotate.selectors.queue import open_annotations
from curation.models import CandidateAnnotation, Dataset, Job, JobState, Role, User
from ml.models import ChoiceEvent, VerificationRun
from ml.selectors.run_in_force import run_in_force
from ml.selectors.tables import verification_rows
from ml.services import review_order
from ml.services.acceptance import AcceptanceRefusedError, accept_labels
from ml.services.run_choice import choose_run, undo_choice
from ml.services.runs import RunRefusedError
from tests.factories.rows import make_annotation, make_category, make_clip, make_dataset, make_member, make_participant
from tests.factories.verification_rows import make_finished_run, make_run, work

pytestmark = pytest.mark.django_db


@pytest.fixture
def labels() -> list[CandidateAnnotation]:
    dataset = make_dataset()
    category = make_category(dataset)
    return [make_annotation(make_clip(dataset), category) for _ in range(3)]


@pytest.fixture
def runs(labels: list[CandidateAnnotation]) -> tuple[VerificationRun, VerificationRun]:
    """Two runs that contradict each other: the newer one, say, had no time to learn."""
    good = make_finished_run(labels[0].dataset, dict(zip(labels, (0.1, 0.5, 0.9), strict=True)))
    starved = make_finished_run(labels[0].dataset, dict(zip(labels, (0.9, 0.5, 0.1), strict=True)))
    return good, starved


@pytest.fixture
def curator(labels: list[CandidateAnnotation]) -> User:
    return make_member(labels[0].dataset, Role.CURATOR)


def priorities(labels: list[CandidateAnnotation]) -> list[float]:
    keys = [label.pk for label in labels]
    rows = CandidateAnnotation.objects.filter(pk__in=keys).order_by("pk")
    return list(rows.values_list("review_priority", flat=True))


def served(dataset: Dataset) -> list[CandidateAnnotation]:
    return list(open_annotations(dataset, make_participant(dataset)))


def test_the_chosen_run_orders_the_review_until_that_is_taken_back(
    labels: list[CandidateAnnotation], runs: tuple[VerificationRun, VerificationRun], curator: User
) -> None:
    good, starved = runs
    dataset = good.dataset
    assert (run_in_force(dataset), served(dataset)) == (starved, labels[::-1])
    assert choose_run(run=good, by=curator)
    assert (run_in_force(dataset), served(dataset)) == (good, labels)
    assert {row[3] for row in verification_rows(dataset)} == {"0.100000", "0.500000", "0.900000"}
    assert next(iter(verification_rows(dataset)))[3] == "0.100000"
    make_finished_run(dataset, dict.fromkeys(labels, 0.5))
    assert (run_in_force(dataset), served(dataset)) == (good, labels)
    assert undo_choice(run=good, by=curator)
    assert run_in_force(dataset) != good
    assert [(event.run, event.kind, event.by.user) for event in ChoiceEvent.objects.all()] == [
        (good, "choose", curator),
        (good, "undo", curator),
    ]


def test_what_is_said_already_stores_nothing(runs: tuple[VerificationRun, VerificationRun], curator: User) -> None:
    good, starved = runs
    assert not undo_choice(run=good, by=curator)
    assert choose_run(run=starved, by=curator)
    assert not choose_run(run=starved, by=curator)
    assert not undo_choice(run=good, by=curator)
    assert choose_run(run=good, by=curator)
    assert ChoiceEvent.objects.count() == 2
    assert getattr(run_in_force(good.dataset), "chosen", None) == good.number


def test_a_choice_is_of_its_dataset_alone(runs: tuple[VerificationRun, VerificationRun], curator: User) -> None:
    other = make_run(make_dataset(), finished=True)
    choose_run(run=runs[0], by=curator)
    assert run_in_force(other.dataset) == other
    assert run_in_force(make_dataset()) is None


def test_labels_are_accepted_on_the_word_of_the_chosen_run(
    labels: list[CandidateAnnotation], runs: tuple[VerificationRun, VerificationRun], curator: User
) -> None:
    good, starved = runs
    choose_run(run=good, by=curator)
    with pytest.raises(AcceptanceRefusedError, match="People review by run 1") as refused:
        accept_labels(run=starved, annotations=[labels[0].pk], by=curator)
    assert refused.value.reason == "not_in_force"
    assert accept_labels(run=good, annotations=[labels[2].pk], by=curator).stored == 1


def test_many_labels_are_put_in_order_by_a_job(
    labels: list[CandidateAnnotation],
    runs: tuple[VerificationRun, VerificationRun],
    curator: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(review_order, "AT_ONCE", 2)
    choose_run(run=runs[0], by=curator)
    assert served(runs[0].dataset) == labels[::-1]
    assert [job.kind for job in work()] == ["verify-order"]
    assert served(runs[0].dataset) == labels


def test_an_order_that_is_taken_up_again_is_the_order_of_one_run(
    labels: list[CandidateAnnotation],
    runs: tuple[VerificationRun, VerificationRun],
    curator: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(review_order, "AT_ONCE", 2)
    monkeypatch.setattr(review_order, "BLOCK_ROWS", 2)
    store, left = review_order.set_review_priorities, [1]

    def lose_the_worker(**block: Any) -> None:
        if not left:
            raise ConnectionError
        left.pop()
        store(**block)

    choose_run(run=runs[0], by=curator)
    monkeypatch.setattr(review_order, "set_review_priorities", lose_the_worker)
    (job,) = work()
    assert job.state == JobState.QUEUED  # for another attempt
    undo_choice(run=runs[0], by=curator)
    monkeypatch.setattr(review_order, "set_review_priorities", store)
    Job.objects.update(available_at=None)
    assert [job.state for job in work()] == [JobState.DONE]
    assert priorities(labels) == pytest.approx([0.1, 0.5, 0.9])


def test_saying_it_again_has_an_order_made_that_a_job_gave_up(
    labels: list[CandidateAnnotation],
    runs: tuple[VerificationRun, VerificationRun],
    curator: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(review_order, "AT_ONCE", 2)
    good, starved = runs
    choose_run(run=good, by=curator)
    Job.objects.filter(kind="verify-order").update(state=JobState.FAILED)
    assert not choose_run(run=good, by=curator)
    work()
    assert priorities(labels) == pytest.approx([0.9, 0.5, 0.1])
    undo_choice(run=good, by=curator)
    Job.objects.filter(kind="verify-order").update(state=JobState.FAILED)
    assert not undo_choice(run=starved, by=curator)
    work()
    assert priorities(labels) == pytest.approx([0.1, 0.5, 0.9])
    assert ChoiceEvent.objects.count() == 2


def test_who_may_say_so_and_of_which_run(runs: tuple[VerificationRun, VerificationRun], curator: User) -> None:
    engineer = make_member(runs[0].dataset, Role.ENGINEER)
    for act in (choose_run, undo_choice):
        with pytest.raises(RunRefusedError, match="its curators alone") as refused:
            act(run=runs[0], by=engineer)
        assert refused.value.reason == "not_allowed"
    with pytest.raises(RunRefusedError, match="not finished"):
        choose_run(run=make_run(runs[0].dataset), by=curator)
    assert not ChoiceEvent.objects.exists()
