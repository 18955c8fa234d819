"""Which labels of a run curators look through."""

from __future__ import annotations

import pytest

from curation.models import AnnotationState
from ml.models import PredictionBasis
from ml.selectors.review_lists import ReviewList, review_page
from ml.services.label_standing import refresh_standing
from tests.factories.rows import make_annotation, make_clip, make_dataset
from tests.factories.verification_rows import make_prediction, make_run

pytestmark = pytest.mark.django_db


def test_what_people_had_answered_before_a_run_is_not_suspicious_to_it() -> None:
    dataset = make_dataset()
    run = make_run(dataset, finished=True)
    open_ = make_annotation(make_clip(dataset))
    make_prediction(run, open_, 0.3)
    for basis in (PredictionBasis.VERIFIED, PredictionBasis.REJECTED):
        # Somebody has changed their mind since: the annotation is settled no more.
        annotation = make_annotation(make_clip(dataset), state=AnnotationState.UNDECIDED)
        make_prediction(run, annotation, 0.0, basis=basis, admitted=False)
    refresh_standing(annotation_ids=run.predictions.values_list("annotation", flat=True))

    rows = review_page(run, ReviewList.SUSPICIOUS).rows

    assert [row.annotation_id for row in rows] == [open_.pk]
