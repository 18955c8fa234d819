"""What was found and what curators said cannot be edited: not by the ORM, not by SQL."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, models, transaction

from curation.models import AppendOnlyError, Role
from ml.models import AcceptanceEvent, AcceptanceKind, Prediction
from tests.factories.rows import make_annotation, make_clip, make_dataset, make_participant
from tests.factories.verification_rows import make_prediction, make_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def prediction() -> Prediction:
    dataset = make_dataset()
    return make_prediction(make_run(dataset), make_annotation(make_clip(dataset)), 0.8)


@pytest.fixture
def event(prediction: Prediction) -> AcceptanceEvent:
    return AcceptanceEvent.objects.create(
        run=prediction.run,
        annotation=prediction.annotation,
        kind=AcceptanceKind.ACCEPT,
        by=make_participant(prediction.run.dataset),
    )


@pytest.mark.parametrize(("name", "change"), [("prediction", {"p_correct": 0.1}), ("event", {"kind": "undo"})])
def test_edits_and_deletions_are_refused(request: pytest.FixtureRequest, name: str, change: dict[str, Any]) -> None:
    row: models.Model = request.getfixturevalue(name)
    rows = type(row)._default_manager.filter(pk=row.pk)
    for act in (row.save, row.delete, rows.delete, lambda: rows.update(**change)):
        with pytest.raises(AppendOnlyError, match="append-only"):
            act()
    ((column, value),) = change.items()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE {row._meta.db_table} SET {column} = %s WHERE id = %s", [value, row.pk])


@pytest.mark.parametrize(
    "wrong",
    [
        {"p_correct": 1.1},
        {"disagreement": -0.1},
        {"priority": 2.0},
        {"change_per_minute": -1.0},
        {"basis": "guess"},
        {"admitted": False, "would_accept": True},
        {"basis": "verified"},  # what people verified is not admitted
    ],
)
def test_the_database_keeps_predictions_sensible(prediction: Prediction, wrong: dict[str, Any]) -> None:
    other = make_annotation(make_clip(prediction.run.dataset))
    with pytest.raises(IntegrityError), transaction.atomic():
        make_prediction(prediction.run, other, **{"p_correct": 0.9, **wrong})


def test_a_run_judges_a_label_once(prediction: Prediction) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        make_prediction(prediction.run, prediction.annotation, 0.2)
    make_prediction(make_run(prediction.run.dataset), prediction.annotation, 0.2)


def test_an_event_is_one_of_two_kinds(event: AcceptanceEvent) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        AcceptanceEvent.objects.create(run=event.run, annotation=event.annotation, kind=Role.CURATOR, by=event.by)


def test_runs_are_numbered_within_their_dataset() -> None:
    dataset = make_dataset()
    make_run(dataset)
    make_run(make_dataset())
    with pytest.raises(IntegrityError), transaction.atomic():
        make_run(dataset, number=1)
