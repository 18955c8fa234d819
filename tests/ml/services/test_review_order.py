"""Priorities on their way to those who serve clips for rating."""

from __future__ import annotations

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from annotate.selectors.queue import open_annotations
from curation.models import CandidateAnnotation, Dataset, Job, JobState
from curation.services.jobs import cancel, run_job
from ml.services import review_order
from ml.services.review_order import OrderedUpTo
from tests.factories.rows import make_annotation, make_category, make_clip, make_dataset, make_participant
from tests.factories.verification_rows import make_finished_run, make_prediction, make_run

pytestmark = pytest.mark.django_db


def make_annotations(dataset: Dataset, count: int) -> list[CandidateAnnotation]:
    category = make_category(dataset)
    return [make_annotation(make_clip(dataset), category) for _ in range(count)]


def served(dataset: Dataset) -> list[CandidateAnnotation]:
    return list(open_annotations(dataset, make_participant(dataset)))


def test_the_newest_run_orders_all_and_resets_what_it_does_not_know() -> None:
    dataset = make_dataset()
    first, second, third = make_annotations(dataset, 3)
    other = make_annotations(make_dataset(), 1)[0]
    CandidateAnnotation.objects.filter(pk=other.pk).update(review_priority=0.7)
    make_finished_run(dataset, {first: 0.9, second: 0.2, third: 0.5})
    assert served(dataset) == [second, third, first]
    make_finished_run(dataset, {first: 0.4, third: 0.6})
    assert served(dataset) == [first, third, second]
    other.refresh_from_db()
    assert other.review_priority == 0.7


def test_it_goes_block_by_block_and_a_block_that_fails_is_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(review_order, "BLOCK_ROWS", 2)
    dataset = make_dataset()
    annotations = make_annotations(dataset, 5)
    make_finished_run(dataset, dict.fromkeys(annotations, 0.25))
    CandidateAnnotation.objects.update(review_priority=0.0)
    reached: list[OrderedUpTo] = []

    def lose_the_job(place: OrderedUpTo) -> None:
        if reached:
            raise ConnectionError
        reached.append(place)

    with pytest.raises(ConnectionError), transaction.atomic():
        review_order.order_reviews(dataset=dataset, on_block=lose_the_job)
    CandidateAnnotation.objects.update(review_priority=0.0)
    review_order.order_reviews(dataset=dataset, reached=reached[0], on_block=reached.append)
    assert [place.key for place in reached] == [annotations[1].pk, annotations[3].pk, annotations[4].pk]
    found = CandidateAnnotation.objects.order_by("pk").values_list("review_priority", flat=True)
    assert list(found) == [0.0, 0.0, 0.75, 0.75, 0.75]


def test_a_run_that_comes_into_force_between_two_blocks_orders_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(review_order, "BLOCK_ROWS", 2)
    dataset = make_dataset()
    annotations = make_annotations(dataset, 3)
    make_finished_run(dataset, dict.fromkeys(annotations, 0.25))
    reached: list[OrderedUpTo] = []

    def end_another_run(place: OrderedUpTo) -> None:
        reached.append(place)
        if len(reached) == 1:
            newer = make_run(dataset, finished=True)
            for annotation in annotations:
                make_prediction(newer, annotation, 0.5)

    review_order.order_reviews(dataset=dataset, on_block=end_another_run)
    assert [place.key for place in reached] == [annotations[1].pk, annotations[1].pk, annotations[2].pk]
    assert set(CandidateAnnotation.objects.values_list("review_priority", flat=True)) == {0.5}


def test_the_order_of_many_labels_is_a_job_that_nobody_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(review_order, "AT_ONCE", 2)
    monkeypatch.setattr(review_order, "BLOCK_ROWS", 2)
    dataset = make_dataset()
    few, many = make_annotations(make_dataset(), 2), make_annotations(dataset, 3)
    for labels in (few, many):
        make_finished_run(labels[0].dataset, dict.fromkeys(labels, 0.25))
    CandidateAnnotation.objects.update(review_priority=0.0)
    assert review_order.request_order(dataset=few[0].dataset)
    assert not review_order.request_order(dataset=dataset)
    assert not CandidateAnnotation.objects.filter(dataset=dataset).exclude(review_priority=0.0).exists()
    job = Job.objects.get()
    assert (job.kind, job.queue) == ("verify-order", "default")
    assert not cancel(job=job)
    run_job(job_id=job.pk)
    assert not CandidateAnnotation.objects.exclude(review_priority=0.75).exists()
    assert set(Job.objects.values_list("state", flat=True)) == {JobState.DONE}


def test_a_block_takes_few_queries_whatever_its_rows() -> None:
    counts = []
    for size in (3, 30):
        dataset = make_dataset()
        make_finished_run(dataset, dict.fromkeys(make_annotations(dataset, size), 0.5))
        with CaptureQueriesContext(connection) as queries:
            review_order.order_reviews(dataset=dataset, on_block=lambda _: None)
        counts.append(len(queries))
    assert counts[0] == counts[1]
