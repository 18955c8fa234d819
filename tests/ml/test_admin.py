"""The operator's pages of runs and acceptances: read alone, and quick however many rows there are."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from curation.models import Role
from ml import admin as pages
from ml.models import AcceptanceEvent, Prediction, VerificationRun
from ml.services.acceptance import accept_labels, undo_acceptance
from tests.factories.rows import make_annotation, make_category, make_clip, make_dataset, make_member, make_user
from tests.factories.verification_rows import make_finished_run

pytestmark = pytest.mark.django_db
RUNS, EVENTS = "/operator/ml/verificationrun/", "/operator/ml/acceptanceevent/"


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(make_user(is_superuser=True, is_staff=True))
    return client


def make_events(labels: int) -> VerificationRun:
    dataset = make_dataset()
    category = make_category(dataset)
    annotations = [make_annotation(make_clip(dataset), category) for _ in range(labels)]
    run = make_finished_run(dataset, dict.fromkeys(annotations, 0.9), summary={"assured": [[0.9, 1, 0.9]]})
    curator = make_member(dataset, Role.CURATOR)
    accept_labels(run=run, annotations=[each.pk for each in annotations], by=curator)
    undo_acceptance(run=run, annotations=[annotations[0].pk], by=curator)
    return run


def test_runs_and_acceptances_are_listed_and_nobody_changes_them(operator: Client) -> None:
    run = make_events(2)
    event = AcceptanceEvent.objects.latest("pk")
    assert run.dataset.slug in operator.get(RUNS).content.decode()
    page = operator.get(EVENTS).content.decode()
    assert str(event.annotation_id) in page
    assert event.by.code in page
    for address, row in ((RUNS, run), (EVENTS, event)):
        detail = operator.get(f"{address}{row.pk}/change/")
        assert detail.status_code == 200
        assert not detail.context["has_change_permission"]
        assert operator.get(f"{address}add/").status_code == 403
        assert operator.post(f"{address}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert not admin.site.is_registered(Prediction)


def test_lists_take_as_many_queries_however_many_rows_there_are(operator: Client) -> None:
    counts = []
    for labels in (1, 4):
        make_events(labels)
        found = []
        for address in (RUNS, EVENTS):
            with CaptureQueriesContext(connection) as queries:
                assert operator.get(address).status_code == 200
            assert not any('"ml_verificationrun"."summary"' in query["sql"] for query in queries if address == RUNS)
            found.append(len(queries))
        counts.append(found)
    assert counts[0] == counts[1]


def test_the_newest_events_are_listed_without_counting_the_others(
    operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "MOST_LISTED", 3)
    monkeypatch.setattr(pages.AcceptanceEventAdmin, "list_per_page", 2)
    make_events(5)
    with CaptureQueriesContext(connection) as queries:
        listed = operator.get(EVENTS).context["cl"]
    assert (listed.result_count, listed.paginator.num_pages) == (3, 2)
    assert list(listed.result_list) == list(AcceptanceEvent.objects.order_by("-pk")[:2])
    counting = [query["sql"] for query in queries if "COUNT(" in query["sql"]]
    assert all("LIMIT 3" in sql for sql in counting)
