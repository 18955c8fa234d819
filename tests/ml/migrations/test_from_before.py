"""Rows from before rejections were told, brought up to the tables of today."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from curation.models import CandidateAnnotation
from ml.models import AcceptanceEvent, Prediction, VerificationRun
from tests.factories.file_database import own_database
from tests.factories.rows import make_annotation, make_category, make_clip, make_dataset, make_participant
from tests.factories.verification_rows import settle

pytestmark = pytest.mark.django_db(transaction=True)

BEFORE = "0002_append_only"


def migrate(*targets: tuple[str, str]) -> Any:
    """Bring the tables to some migrations; return the models as they were then."""
    executor = MigrationExecutor(connection)
    executor.migrate(list(targets) or executor.loader.graph.leaf_nodes())
    return MigrationExecutor(connection).loader.project_state(list(targets) or None).apps


@pytest.fixture(autouse=True)
def _database_on_disk(tmp_path: Path, transactional_db: None) -> Iterator[None]:  # noqa: ARG001 -- comes first
    with own_database(tmp_path):
        try:
            yield
        finally:
            migrate()


def test_what_was_found_and_said_keeps_its_values_and_gets_its_standing() -> None:
    dataset = make_dataset()
    category = make_category(dataset)
    labels = [make_annotation(make_clip(dataset), category) for _ in range(3)]
    settle(labels[1])
    curator = make_participant(dataset)
    then = migrate(("ml", BEFORE))
    run = then.get_model("ml", "VerificationRun").objects.create(
        dataset_id=dataset.pk,
        number=1,
        recipe="earmark",
        precision=0.95,
        candidates_digest="0" * 64,
        code_version="then",
        finished_at=timezone.now(),
    )
    rows = then.get_model("ml", "Prediction").objects
    for label in labels:
        rows.create(
            run=run,
            annotation_id=label.pk,
            category_id=category.pk,
            basis="candidate",
            p_correct=0.75,
            p_members=[0.75],
            predicted_id=category.pk,
            top=[[category.pk, 0.75]],
            disagreement=0.1,
            category_need=0.2,
            unreliability=0.3,
            change_per_minute=0.4,
            priority=0.25,
            admitted=True,
            would_accept=False,
        )
    then.get_model("ml", "AcceptanceEvent").objects.create(
        run=run, annotation_id=labels[0].pk, kind="accept", by_id=curator.pk
    )

    migrate()

    event = AcceptanceEvent.objects.get()
    found = Prediction.objects.order_by("annotation")
    assert list(found.values_list("is_open", "acceptance")) == [(False, event.pk), (False, None), (True, None)]
    assert set(found.values_list("p_correct", "priority", "basis")) == {(0.75, 0.25, "candidate")}
    assert VerificationRun.objects.get().trunks == []
    assert CandidateAnnotation.objects.count() == 3
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        found.stand(p_correct=0.1)
