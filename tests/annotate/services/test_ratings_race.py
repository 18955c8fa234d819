"""Two people give the second rating at the same moment, over real connections to a real database."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from annotate.models import Rating
from annotate.services.ratings import record_rating
from curation.models import CandidateAnnotation, Participant
from tests.factories.file_database import own_database
from tests.factories.judgements import at_once
from tests.factories.rows import make_annotation, make_clip, make_dataset, make_participant

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 10


@pytest.fixture(autouse=True)
def _database_on_disk(tmp_path: Path, transactional_db: None) -> Iterator[None]:  # noqa: ARG001 -- comes first
    with own_database(tmp_path):
        yield


@pytest.fixture
def annotation(_database_on_disk: None) -> CandidateAnnotation:
    return make_annotation(make_clip(make_dataset()))


def rate(annotation: CandidateAnnotation, presence: str, annotator: Participant | None = None) -> partial[Rating]:
    annotator = annotator or make_participant(annotation.dataset)
    return partial(record_rating, annotation=annotation, annotator=annotator, presence=presence, source="web")


def test_two_second_ratings_at_once_settle_once_and_right(annotation: CandidateAnnotation) -> None:
    for _ in range(ROUNDS):
        disputed = make_annotation(make_clip(annotation.dataset))
        rate(disputed, "PP")()
        results = at_once([rate(disputed, "PP"), rate(disputed, "NP")])
        assert all(isinstance(result, Rating) for result in results)
        disputed.refresh_from_db()
        assert (disputed.state, disputed.consensus) == ("settled", "PP")
        assert (disputed.rating_count, disputed.agreeing_count) == (3, 2)


def test_two_first_ratings_at_once_settle(annotation: CandidateAnnotation) -> None:
    for _ in range(ROUNDS):
        fresh = make_annotation(make_clip(annotation.dataset))
        at_once([rate(fresh, "NP"), rate(fresh, "NP")])
        fresh.refresh_from_db()
        assert (fresh.state, fresh.consensus, fresh.rating_count) == ("settled", "NP", 2)


def test_one_person_twice_at_once_rates_once(annotation: CandidateAnnotation) -> None:
    person = make_participant(annotation.dataset)
    results = at_once([rate(annotation, "PP", person)] * 4)
    assert [getattr(result, "reason", "stored") for result in results].count("already_rated") == 3
    annotation.refresh_from_db()
    assert Rating.objects.count() == annotation.rating_count == 1
    assert annotation.state == "undecided"
