"""What the numbers about rating mean once people, imports and a curator have each vouched for some labels."""

from __future__ import annotations

import pytest
from django.test import Client

from annotate.models.rating import RatingSource
from annotate.selectors import queue
from annotate.services.ratings import record_rating
from curation import registry
from curation.models import CandidateAnnotation, Dataset, Presence, Role
from ml.services.acceptance import accept_labels, undo_acceptance
from tests.factories.rows import make_annotation, make_category, make_clip, make_dataset, make_member, make_participant
from tests.factories.verification_rows import make_finished_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset() -> Dataset:
    """Seven labels: two rated, one of which came verified; one that came verified; two accepted; two that wait."""
    dataset = make_dataset("streets")
    category = make_category(dataset)
    labels = [make_annotation(make_clip(dataset), category, came_verified=place in {1, 2}) for place in range(7)]
    run = make_finished_run(dataset, dict.fromkeys(labels[3:], 0.6))
    curator = make_member(dataset, Role.CURATOR)
    accept_labels(run=run, annotations=[label.pk for label in labels[3:6]], by=curator)
    undo_acceptance(run=run, annotations=[labels[5].pk], by=curator)
    for label in labels[:2]:
        annotator = make_participant(dataset)
        record_rating(annotation=label, annotator=annotator, presence=Presence.PP, source=RatingSource.WEB)
    return dataset


def client_of(dataset: Dataset) -> Client:
    client = Client()
    client.force_login(make_member(dataset, Role.ANNOTATOR))
    return client


def waiting(dataset: Dataset) -> str:
    shown: str = client_of(dataset).get(f"/d/{dataset.slug}/rate/").context["waiting"]
    return shown


def test_rated_counts_what_somebody_rated_and_to_go_what_nobody_rated_verified_or_accepted(dataset: Dataset) -> None:
    assert registry.stages["rated"].count(dataset) == (2, [("to go", 2)])


def test_waiting_counts_what_is_undecided_and_neither_came_verified_nor_is_accepted(dataset: Dataset) -> None:
    assert waiting(dataset) == "3 waiting"  # with the one that one person rated


def test_what_is_vouched_for_is_served_all_the_same(dataset: Dataset) -> None:
    served = queue.open_annotations(dataset, make_participant(dataset))
    assert set(served) == set(CandidateAnnotation.objects.all())


@pytest.mark.parametrize(
    ("looked_at", "said"), [(4, "at least 3 waiting"), (6, "at least 3 waiting"), (7, "3 waiting")]
)
def test_waiting_looks_at_no_more_than_it_must_and_says_so(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch, looked_at: int, said: str
) -> None:
    monkeypatch.setattr(queue, "LOOKED_AT", looked_at)  # seven are served, and of the first four one came verified
    assert waiting(dataset) == said


def test_nothing_is_said_to_wait_or_not_where_all_that_was_looked_at_came_verified(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dataset = make_dataset("verified-first")
    category = make_category(dataset)
    for verified in (True, True, False):
        make_annotation(make_clip(dataset), category, came_verified=verified)
    monkeypatch.setattr(queue, "LOOKED_AT", 2)
    page = client_of(dataset).get(f"/d/{dataset.slug}/rate/")
    assert page.context["waiting"] == ""
    assert "waiting" not in page.content.decode()
    assert "0 rated by you</p>" in page.content.decode()  # and no dot behind it
