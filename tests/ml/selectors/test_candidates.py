"""Which candidate annotations a run takes."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from curation.models import AnnotationState
from ml.selectors.candidates import claims, confirmed_categories, has_open_claims
from tests.factories.rows import make_annotation, make_category, make_clip, make_dataset
from tests.factories.verification_rows import settle

pytestmark = pytest.mark.django_db


def test_all_are_taken_and_those_settled_as_absent_are_told_as_rejected() -> None:
    dataset = make_dataset()
    dog, cat = make_category(dataset, "Dog"), make_category(dataset, "Cat")
    first, second = make_clip(dataset), make_clip(dataset)
    undecided = make_annotation(second, dog, state=AnnotationState.UNDECIDED)
    present = settle(make_annotation(first, dog))
    audible = settle(make_annotation(first, cat), "PNP")
    absent = settle(make_annotation(second, cat), "NP")
    imported = make_annotation(make_clip(dataset), dog, came_verified=True)
    denied = settle(
        make_annotation(make_clip(dataset), dog, came_verified=True), "NP"
    )  # people know better than the file
    make_annotation(make_clip(make_dataset()))
    with CaptureQueriesContext(connection) as queries:
        taken = list(claims(dataset))
    assert [(each.annotation, each.confirmed) for each in taken if not each.rejected] == [
        (present.pk, True), (audible.pk, True), (undecided.pk, False), (imported.pk, True),
    ]  # fmt: skip
    assert [(each.annotation, each.confirmed) for each in taken if each.rejected] == [
        (absent.pk, False), (denied.pk, False),
    ]  # fmt: skip
    assert taken[0].audio_key == first.audio_key
    assert taken[0].participant == first.participant_id
    assert len(queries) == 1


def test_whether_a_run_makes_sense_is_seen_without_reading_all() -> None:
    dataset = make_dataset()
    dog, cat, cow = (make_category(dataset, name) for name in ("Dog", "Cat", "Cow"))
    assert (confirmed_categories(dataset), has_open_claims(dataset)) == (0, False)
    settle(make_annotation(make_clip(dataset), dog))
    settle(make_annotation(make_clip(dataset), dog))
    settle(make_annotation(make_clip(dataset), cow), "NP")
    assert (confirmed_categories(dataset), has_open_claims(dataset)) == (1, False)
    make_annotation(make_clip(dataset), cat, came_verified=True)
    settle(make_annotation(make_clip(dataset), cow))
    assert (confirmed_categories(dataset), has_open_claims(dataset)) == (2, False)  # more are not counted
    make_annotation(make_clip(dataset), cat)
    assert has_open_claims(dataset)
