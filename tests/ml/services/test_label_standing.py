"""What has become of judged labels, kept with each prediction: the same as the rows that are the truth about it."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from annotate.models.rating import RatingSource
from annotate.services.ratings import record_rating
from curation.models import CandidateAnnotation, Presence, Role, User
from ml.models import AcceptanceEvent, Prediction, PredictionBasis, VerificationRun
from ml.services.acceptance import accept_labels, undo_acceptance
from ml.services.label_standing import refresh_standing
from tests.factories.rows import make_annotation, make_category, make_clip, make_dataset, make_member, make_participant
from tests.factories.verification_rows import make_finished_run, make_prediction, make_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def labels() -> list[CandidateAnnotation]:
    dataset = make_dataset()
    category = make_category(dataset)
    return [make_annotation(make_clip(dataset), category) for _ in range(3)]


@pytest.fixture
def run(labels: list[CandidateAnnotation]) -> VerificationRun:
    return make_finished_run(labels[0].dataset, dict.fromkeys(labels, 0.9))


@pytest.fixture
def curator(run: VerificationRun) -> User:
    return make_member(run.dataset, Role.CURATOR)


def standing(run: VerificationRun) -> list[tuple[bool, int | None]]:
    return list(run.predictions.order_by("annotation").values_list("is_open", "acceptance"))


def rate(annotation: CandidateAnnotation, *presences: str) -> None:
    for presence in presences:
        annotator = make_participant(annotation.dataset)
        record_rating(annotation=annotation, annotator=annotator, presence=presence, source=RatingSource.WEB)


def test_ratings_that_agree_close_a_label_and_ones_that_disagree_open_it_again(
    run: VerificationRun, labels: list[CandidateAnnotation]
) -> None:
    older = make_finished_run(run.dataset, dict.fromkeys(labels, 0.5))
    rate(labels[1], Presence.PP)
    assert [is_open for is_open, _ in standing(run)] == [True, True, True]
    rate(labels[1], Presence.PP)
    assert [is_open for is_open, _ in standing(run)] == [True, False, True]
    assert standing(older) == standing(run)
    rate(labels[1], Presence.NP, Presence.NP)  # two and two: a tie
    assert [is_open for is_open, _ in standing(run)] == [True, True, True]


def test_an_acceptance_closes_a_label_for_all_runs_and_is_named_by_its_own(
    run: VerificationRun, labels: list[CandidateAnnotation], curator: User
) -> None:
    accept_labels(run=run, annotations=[labels[0].pk, labels[2].pk], by=curator)
    first, last = AcceptanceEvent.objects.order_by("pk").values_list("pk", flat=True)
    assert standing(run) == [(False, first), (True, None), (False, last)]
    newer = make_finished_run(run.dataset, dict.fromkeys(labels, 0.5))
    assert standing(newer) == [(False, None), (True, None), (False, None)]
    undo_acceptance(run=run, annotations=[labels[0].pk], by=curator)
    assert standing(run) == [(True, None), (True, None), (False, last)]
    assert standing(newer) == [(True, None), (True, None), (False, None)]


def test_what_is_accepted_and_settled_stays_closed_when_one_of_both_falls_away(
    run: VerificationRun, labels: list[CandidateAnnotation], curator: User
) -> None:
    accept_labels(run=run, annotations=[labels[0].pk], by=curator)
    rate(labels[0], Presence.PP, Presence.PP)
    undo_acceptance(run=run, annotations=[labels[0].pk], by=curator)
    assert standing(run)[0] == (False, None)


def test_what_people_had_verified_before_the_run_is_never_open(labels: list[CandidateAnnotation]) -> None:
    run = make_run(labels[0].dataset, finished=True)
    make_prediction(run, labels[0], 0.9, basis=PredictionBasis.VERIFIED, admitted=False, would_accept=False)
    refresh_standing(annotation_ids=[labels[0].pk])
    assert standing(run) == [(False, None)]


def test_other_datasets_are_left_alone(run: VerificationRun) -> None:
    other = make_annotation(make_clip(make_dataset()))
    rate(other, Presence.PP, Presence.PP)
    assert {is_open for is_open, _ in standing(run)} == {True}


def test_only_what_became_of_a_label_can_be_written_again(run: VerificationRun) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        run.predictions.all().stand(p_correct=0.1)
    assert Prediction.objects.filter(run=run).stand(is_open=False) == 3


def test_predictions_of_before_are_given_their_standing(
    run: VerificationRun, labels: list[CandidateAnnotation], curator: User
) -> None:
    accept_labels(run=run, annotations=[labels[0].pk], by=curator)
    accept_labels(run=run, annotations=[labels[1].pk], by=curator)
    undo_acceptance(run=run, annotations=[labels[1].pk], by=curator)
    rate(labels[2], Presence.NP, Presence.NP)
    known = standing(run)
    Prediction.objects.filter(run=run).stand(is_open=True, acceptance=None)
    migration = ("ml", "0005_standing_of_known_labels")
    as_then = MigrationExecutor(connection).loader.project_state(migration).apps
    # SQLite's own editor of schemas refuses to begin inside a test's transaction, and this changes none.
    import_module(".migrations.".join(migration)).fill(as_then, connection.SchemaEditorClass(connection))
    assert standing(run) == known
