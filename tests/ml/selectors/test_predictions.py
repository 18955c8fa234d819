"""Predictions as lists, read from an index."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from curation.models import CandidateAnnotation
from ml.selectors.predictions import acceptable, predictions_by_priority
from tests.factories.rows import make_annotation, make_category, make_clip, make_dataset
from tests.factories.verification_rows import make_finished_run, make_prediction

pytestmark = pytest.mark.django_db


def make_annotations(count: int) -> list[CandidateAnnotation]:
    dataset = make_dataset()
    categories = [make_category(dataset) for _ in range(2)]
    return [make_annotation(make_clip(dataset), categories[number % 2]) for number in range(count)]


def test_what_is_to_be_heard_first_comes_first() -> None:
    annotations = make_annotations(4)
    run = make_finished_run(annotations[0].dataset, dict(zip(annotations, (0.4, 0.9, 0.1, 0.4), strict=True)))
    ordered = [each.annotation for each in predictions_by_priority(run)]
    assert ordered == [annotations[2], annotations[0], annotations[3], annotations[1]]
    odd = predictions_by_priority(run, annotations[1].category)
    assert [each.annotation for each in odd] == [annotations[3], annotations[1]]
    assert not predictions_by_priority(make_finished_run(annotations[0].dataset, {})).exists()


def test_what_could_be_accepted_is_admitted_and_sure_enough() -> None:
    annotations = make_annotations(4)
    run = make_finished_run(annotations[0].dataset, dict(zip(annotations, (0.8, 0.95, 0.7, 0.9), strict=True)))
    other = make_annotation(make_clip(run.dataset), annotations[0].category)
    make_prediction(run, other, 0.99, admitted=False, would_accept=False)
    assert [each.annotation for each in acceptable(run, threshold=0.8)] == [annotations[n] for n in (1, 3, 0)]


def test_a_page_of_predictions_takes_one_query_from_an_index() -> None:
    annotations = make_annotations(30)
    run = make_finished_run(annotations[0].dataset, {each: number / 30 for number, each in enumerate(annotations)})
    with CaptureQueriesContext(connection) as queries:
        rows = list(predictions_by_priority(run)[:20])
        assert all(row.annotation.clip.name and row.category.name and row.predicted.name for row in rows)
        assert not any(row.accepted for row in rows)
    assert len(queries) == 1
    if connection.vendor == "sqlite":
        plans = {
            "prediction_by_priority ": predictions_by_priority(run)[:20].explain(),
            "prediction_in_category ": predictions_by_priority(run, annotations[0].category)[:20].explain(),
            "prediction_to_accept ": acceptable(run, threshold=0.5)[:20].explain(),
        }
        for index, plan in plans.items():
            assert index in plan
            assert "TEMP B-TREE" not in plan
