"""Lists of labels come from indexes that leave out what is done with: no row is passed over, none is sorted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from curation.models import Dataset
from ml.models import VerificationRun
from ml.selectors.acceptances import accepted_by, accepted_up_to
from ml.selectors.ordered_rows import after_place
from ml.selectors.predictions import acceptable, predictions_by_priority
from ml.selectors.review_lists import ReviewList, review_page
from tests.factories.rows import make_annotation, make_category, make_clip, make_dataset
from tests.factories.verification_rows import make_finished_run

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif("connection.vendor != 'sqlite'", reason="plans are SQLite's; PostgreSQL's depend on the rows"),
]


@pytest.fixture
def run() -> VerificationRun:
    dataset: Dataset = make_dataset()
    category = make_category(dataset)
    return make_finished_run(dataset, {make_annotation(make_clip(dataset), category): 0.9 for _ in range(3)})


def assert_comes_from(index: str, read: Callable[[], Any]) -> None:
    """Check that every query about predictions reads them by this index, in its order."""
    with CaptureQueriesContext(connection) as captured:
        read()
    queries = [each["sql"] for each in captured if 'FROM "ml_prediction"' in each["sql"]]
    assert queries
    for query in queries:
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN QUERY PLAN " + query.replace("%", "%%"), ())
            plan = "\n".join(row[3] for row in cursor.fetchall())
        assert f"INDEX {index} " in plan, plan
        assert "TEMP B-TREE" not in plan, plan
        # No other table is asked which rows to leave out; only whether the twenty that are shown are accepted.
        condition = query.rpartition('FROM "ml_prediction"')[2].partition(" WHERE ")[2]
        assert "SELECT" not in condition, query
        assert "candidateannotation" not in condition, query


@pytest.mark.parametrize(
    ("which", "cursor", "index"),
    [
        (ReviewList.SUSPICIOUS, "0.5:7", "prediction_open"),
        (ReviewList.BORDER, "0.9:7", "prediction_to_accept"),
        (ReviewList.ACCEPTED, "7", "prediction_accepted"),
    ],
)
@pytest.mark.parametrize("further", [False, True])
@pytest.mark.parametrize("category", [None, 1])
def test_review_lists(
    run: VerificationRun, which: ReviewList, cursor: str, index: str, *, further: bool, category: int | None
) -> None:
    name = index if category is None else f"{index}_in"
    place = cursor if further else ""
    assert_comes_from(name, lambda: review_page(run, which, threshold=0.5, category=category, cursor=place))


def test_blocks_of_labels_to_accept(run: VerificationRun) -> None:
    rows = acceptable(run).values_list("p_correct", "pk", "annotation_id")
    for place in (None, (0.9, 7)):
        assert_comes_from(
            "prediction_to_accept", lambda place=place: after_place(rows, "p_correct", place, most=500, least=0.5)
        )
    some = acceptable(run, threshold=0.5).order_by().values("pk")[:2_001]
    assert_comes_from("prediction_to_accept", some.count)


def test_blocks_of_labels_to_take_back(run: VerificationRun) -> None:
    assert_comes_from("prediction_accepted", lambda: list(accepted_by(run).filter(acceptance__gt=7)[:500]))
    assert_comes_from("prediction_accepted", lambda: accepted_up_to(run))


def test_all_predictions_in_both_directions(run: VerificationRun) -> None:
    rows = predictions_by_priority(run)
    for backwards in (False, True):
        assert_comes_from(
            "prediction_by_priority",
            lambda backwards=backwards: after_place(rows, "priority", (0.1, 7), most=100, backwards=backwards),
        )
