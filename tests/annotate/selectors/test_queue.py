"""Which candidate annotation a person is asked to rate next."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotate.selectors.queue import open_annotations
from annotate.selectors.ratings import ratings_given, ratings_of
from annotate.services.ratings import record_rating
from curation.models import CandidateAnnotation, Category, Dataset
from tests.factories.rows import make_annotation, make_category, make_clip, make_dataset, make_participant

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset() -> Dataset:
    return make_dataset()


@pytest.fixture
def category(dataset: Dataset) -> Category:
    return make_category(dataset)


def annotate(dataset: Dataset, category: Category, *ratings: str) -> CandidateAnnotation:
    annotation = make_annotation(make_clip(dataset), category)
    for presence in ratings:
        record_rating(annotation=annotation, annotator=make_participant(dataset), presence=presence, source="web")
    return annotation


def test_one_rating_from_agreement_comes_first_then_fewest_ratings_then_the_oldest(
    dataset: Dataset, category: Category
) -> None:
    unsure = annotate(dataset, category, "U")
    oldest = annotate(dataset, category)
    second = annotate(dataset, category)
    disputed = annotate(dataset, category, "PP", "NP")
    nearly = annotate(dataset, category, "PNP")
    annotate(dataset, category, "PP", "PP")
    person = make_participant(dataset)
    assert list(open_annotations(dataset, person)) == [nearly, disputed, oldest, second, unsure]
    assert open_annotations(dataset, person).first() == nearly


def test_among_those_equally_close_to_agreement_the_review_priority_decides(
    dataset: Dataset, category: Category
) -> None:
    nearly, older, doubtful, rated = (annotate(dataset, category, *given) for given in (("PP",), (), (), ("U",)))
    for annotation, priority in ((nearly, 0.1), (doubtful, 0.9), (rated, 0.5)):
        CandidateAnnotation.objects.filter(pk=annotation.pk).update(review_priority=priority)
    assert list(open_annotations(dataset, make_participant(dataset))) == [nearly, doubtful, rated, older]


def test_rated_settled_and_foreign_ones_are_not_served(dataset: Dataset, category: Category) -> None:
    person = make_participant(dataset)
    annotate(dataset, category, "NP", "NP")
    other = make_dataset()
    annotate(other, make_category(other))
    mine = annotate(dataset, category)
    record_rating(annotation=mine, annotator=person, presence="U", source="web")
    assert open_annotations(dataset, person).first() is None
    assert ratings_given(person) == 1


def test_the_work_can_be_narrowed_to_a_category(dataset: Dataset, category: Category) -> None:
    annotate(dataset, category, "PP")
    wanted = annotate(dataset, make_category(dataset))
    assert open_annotations(dataset, make_participant(dataset), wanted.category).first() == wanted


def test_serving_takes_one_query_whatever_there_is(dataset: Dataset, category: Category) -> None:
    person = make_participant(dataset)
    for _ in range(20):
        annotate(dataset, category, "PP")
    with CaptureQueriesContext(connection) as queries:
        served = open_annotations(dataset, person).select_related("clip", "category").first()
        assert served is not None
        assert served.clip.name
        assert served.category.name
    assert len(queries) == 1


@pytest.mark.parametrize("narrowed", [False, True], ids=["dataset", "category"])
def test_serving_reads_one_index(dataset: Dataset, category: Category, *, narrowed: bool) -> None:
    annotate(dataset, category)
    plan = open_annotations(dataset, make_participant(dataset), category if narrowed else None)[:1].explain()
    if connection.vendor == "sqlite":
        assert ("annotation_to_rate_in" if narrowed else "annotation_to_rate ") in plan
        assert "TEMP B-TREE" not in plan


def test_ratings_of_a_clip_come_by_category_with_their_annotators(dataset: Dataset) -> None:
    clip = make_clip(dataset)
    for name in ("Zebra", "Ant"):
        annotation = make_annotation(clip, make_category(dataset, name))
        for presence in ("PP", "U"):
            record_rating(annotation=annotation, annotator=make_participant(dataset), presence=presence, source="web")
    with CaptureQueriesContext(connection) as queries:
        rows = [(each.annotation.category.name, each.presence, bool(each.annotator.code)) for each in ratings_of(clip)]
    assert [row[:2] for row in rows] == [("Ant", "PP"), ("Ant", "U"), ("Zebra", "PP"), ("Zebra", "U")]
    assert len(queries) == 1
