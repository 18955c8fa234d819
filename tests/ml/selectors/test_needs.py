"""How far categories are from what is wanted."""

from __future__ import annotations

import pytest

from annotate.services.ratings import record_rating
from curation.models import CollectionTask, SubmissionState
from ml.selectors.needs import category_needs
from tests.factories.rows import (
    make_annotation,
    make_category,
    make_clip,
    make_dataset,
    make_participant,
    make_submission,
)
from tests.factories.verification_rows import settle

pytestmark = pytest.mark.django_db


def test_need_is_what_is_lacking_of_the_best_covered_category_or_of_a_task() -> None:
    dataset = make_dataset()
    full, half, asked, empty = (make_category(dataset) for _ in range(4))
    for category, count in ((full, 4), (half, 2), (asked, 4)):
        for number in range(count):
            settle(make_annotation(make_clip(dataset), category), "PNP" if number else "PP")
    settle(make_annotation(make_clip(dataset), half), "NP")  # absent: no clip of it
    came = make_annotation(make_clip(dataset), half)
    came.came_verified = True
    came.save()
    # Of ten recordings that a task asks for, one was accepted.
    make_submission(dataset, category=asked, state=SubmissionState.ACCEPTED)
    make_submission(dataset, category=asked, state=SubmissionState.REJECTED)
    CollectionTask.objects.filter(category=asked).update(target_submissions=10)
    needs = category_needs(dataset, [full.pk, half.pk, asked.pk, empty.pk])
    assert needs.need_K.tolist() == pytest.approx([0.0, 0.25, 0.9, 1.0])


def test_quality_is_the_estimate_and_nothing_where_nobody_rated() -> None:
    dataset = make_dataset()
    rated, silent = make_category(dataset), make_category(dataset)
    annotation = make_annotation(make_clip(dataset), rated)
    make_annotation(make_clip(dataset), silent)
    for presence in ("PP", "PNP", "NP", "U"):
        record_rating(annotation=annotation, annotator=make_participant(dataset), presence=presence, source="web")
    needs = category_needs(dataset, [silent.pk, rated.pk])
    assert needs.quality_K.tolist() == [0.0, 0.5]
    assert needs.need_K.tolist() == [0.0, 0.0]  # nobody confirmed anything: all are alike
