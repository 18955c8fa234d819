"""Judgements cannot be edited: not by the ORM, not by SQL."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction

from annotate.models import Rating
from curation.models import AppendOnlyError
from tests.factories.rows import make_annotation, make_clip, make_dataset, make_participant

pytestmark = pytest.mark.django_db


@pytest.fixture
def rating() -> Rating:
    dataset = make_dataset()
    annotation = make_annotation(make_clip(dataset))
    return Rating.objects.create(
        annotation=annotation, annotator=make_participant(dataset), presence="PP", source="web"
    )


def test_saving_again_is_refused(rating: Rating) -> None:
    rating.presence = "NP"
    with pytest.raises(AppendOnlyError, match="append-only"):
        rating.save()


def test_queryset_update_and_delete_are_refused(rating: Rating) -> None:
    with pytest.raises(AppendOnlyError):
        Rating.objects.filter(pk=rating.pk).update(presence="NP")
    with pytest.raises(AppendOnlyError):
        Rating.objects.filter(pk=rating.pk).delete()
    with pytest.raises(AppendOnlyError):
        rating.delete()


def test_raw_sql_is_refused_by_the_database(rating: Rating) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE annotate_rating SET presence = 'NP' WHERE id = %s", [rating.pk])
    rating.refresh_from_db()
    assert rating.presence == "PP"
