"""Quality estimates from rows."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotate.domain.quality import quality_estimate
from annotate.selectors.quality import quality_table, state_counts
from annotate.services.ratings import record_rating
from curation.models import Dataset
from tests.factories.rows import make_annotation, make_category, make_clip, make_dataset, make_participant

pytestmark = pytest.mark.django_db


def fill(dataset: Dataset, name: str, *ratings: str) -> None:
    annotation = make_annotation(make_clip(dataset), make_category(dataset, name))
    for presence in ratings:
        record_rating(annotation=annotation, annotator=make_participant(dataset), presence=presence, source="web")


def test_each_category_has_its_ratings_states_and_estimate() -> None:
    dataset, other = make_dataset(), make_dataset()
    fill(other, "Dog", "NP")
    fill(dataset, "Dog", "PP", "PP", "U")
    fill(dataset, "Cat", "NP")
    fill(dataset, "Ant")
    make_category(dataset, "Nobody claims it")
    ant, cat, dog = quality_table(dataset)
    assert [row.name for row in (ant, cat, dog)] == ["Ant", "Cat", "Dog"]
    assert dog.estimate == quality_estimate(2, 0, 0, 1)
    assert (dog.settled, dog.undecided, dog.unrated, dog.annotations) == (1, 0, 0, 1)
    assert cat.estimate == quality_estimate(0, 0, 1, 0)
    assert (cat.settled, cat.undecided, cat.unrated) == (0, 1, 0)
    assert ant.estimate.qe is None
    assert state_counts(dataset) == {"unrated": 1, "undecided": 1, "settled": 1}


def test_ratings_of_an_annotation_that_came_verified_count_too() -> None:
    dataset = make_dataset()
    annotation = make_annotation(make_clip(dataset), make_category(dataset, "Dog"), came_verified=True)
    record_rating(annotation=annotation, annotator=make_participant(dataset), presence="NP", source="web")
    assert quality_table(dataset)[0].estimate == quality_estimate(0, 0, 1, 0)


def test_the_table_takes_three_queries_whatever_there_is() -> None:
    dataset = make_dataset()
    for number in range(10):
        fill(dataset, f"Sound {number}", "PP")
    with CaptureQueriesContext(connection) as queries:
        assert len(quality_table(dataset)) == 10
    assert len(queries) == 3
