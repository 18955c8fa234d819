from __future__ import annotations

import pytest

from curation.domain.policy import Policy
from curation.models import Dataset, DatasetPolicy
from curation.selectors.policies import current_policy
from curation.services.datasets import DatasetRefusedError, create_dataset, ensure_dataset, set_policy

pytestmark = pytest.mark.django_db


def test_a_new_dataset_has_the_published_policy() -> None:
    dataset = create_dataset(slug="scenes", title="Scenes")
    assert (current_policy(dataset).version, current_policy(dataset).policy) == (1, Policy())


def test_a_taken_slug_is_refused_and_changes_nothing() -> None:
    create_dataset(slug="scenes", title="Scenes")
    with pytest.raises(DatasetRefusedError) as caught:
        create_dataset(slug="scenes", title="Other", policy=Policy(agreement=3))
    assert caught.value.reason == "slug_taken"
    assert Dataset.objects.get().title == "Scenes"
    assert DatasetPolicy.objects.count() == 1


@pytest.mark.parametrize("slug", ["", "two words", "a/b", "x" * 65])
def test_a_slug_that_no_address_can_hold_is_refused(slug: str) -> None:
    with pytest.raises(DatasetRefusedError) as caught:
        create_dataset(slug=slug)
    assert caught.value.reason == "bad_slug"


def test_a_title_too_long_is_refused() -> None:
    with pytest.raises(DatasetRefusedError) as caught:
        create_dataset(slug="scenes", title="x" * 201)
    assert caught.value.reason == "too_long"


def test_a_dataset_is_made_once() -> None:
    assert ensure_dataset(slug="scenes") == ensure_dataset(slug="scenes", title="later")
    assert Dataset.objects.get().title == "scenes"


def test_a_changed_policy_is_a_new_version_and_an_unchanged_one_is_not() -> None:
    dataset = create_dataset(slug="scenes")
    assert set_policy(dataset=dataset, policy=Policy()).version == 1
    assert set_policy(dataset=dataset, policy=Policy(agreement=3)).version == 2
    assert set_policy(dataset=dataset, policy=Policy(agreement=3)).version == 2
    assert current_policy(dataset).policy.agreement == 3
