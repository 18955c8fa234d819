"""What several processes ask for at the same moment is made once, and nobody is told of a failure."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from rest_framework.authtoken.models import Token

from curation.models import Dataset, DatasetPolicy, Participant
from curation.services.api_tokens import issue_token
from curation.services.datasets import ensure_dataset
from curation.services.participants import participant_for_user
from tests.factories.file_database import own_database
from tests.factories.judgements import at_once
from tests.factories.rows import make_dataset, make_user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _database_on_disk(tmp_path: Path, transactional_db: None) -> Iterator[None]:  # noqa: ARG001 -- comes first
    with own_database(tmp_path):
        yield


def test_one_dataset_with_one_policy() -> None:
    results = at_once([partial(ensure_dataset, slug="scenes")] * 8)
    assert results == [Dataset.objects.get()] * 8
    assert DatasetPolicy.objects.count() == 1


def test_one_token_the_last_that_was_drawn() -> None:
    results = at_once([partial(issue_token, user=make_user("pia@example.org"))] * 8)
    assert Token.objects.get().key in results
    assert len(set(results)) == 8


def test_one_pseudonym() -> None:
    results = at_once([partial(participant_for_user, dataset=make_dataset(), user=make_user())] * 8)
    assert results == [Participant.objects.get()] * 8
