from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from curation.models import Dataset, DatasetPolicy
from curation.selectors.policies import current_policy
from tests.factories.snapshots import all_rows

pytestmark = pytest.mark.django_db


def test_a_dataset_is_made_with_its_policy_and_a_second_run_changes_nothing(tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text("agreement = 3\nlicences = ['cc0-1.0']\n", encoding="utf-8")
    call_command("create_dataset", "scenes", title="Scenes", policy=policy)
    before = all_rows()
    call_command("create_dataset", "scenes", title="Scenes", policy=policy)
    call_command("create_dataset", "scenes")
    assert all_rows() == before
    assert current_policy(Dataset.objects.get()).policy.licences == ("cc0-1.0",)


def test_a_changed_policy_is_a_new_version(tmp_path: Path) -> None:
    call_command("create_dataset", "scenes")
    policy = tmp_path / "policy.toml"
    policy.write_text("agreement = 3\n", encoding="utf-8")
    call_command("create_dataset", "scenes", policy=policy)
    assert DatasetPolicy.objects.count() == 2


@pytest.mark.parametrize("content", ["agreement = 0\n", "agrement = 2\n", "=", None])
def test_an_unusable_policy_exits_2_and_makes_nothing(tmp_path: Path, content: str | None) -> None:
    policy = tmp_path / "policy.toml"
    if content is not None:
        policy.write_text(content, encoding="utf-8")
    with pytest.raises(CommandError) as caught:
        call_command("create_dataset", "scenes", policy=policy)
    assert caught.value.returncode == 2
    assert not Dataset.objects.exists()


def test_an_unusable_slug_exits_2() -> None:
    with pytest.raises(CommandError) as caught:
        call_command("create_dataset", "two words")
    assert caught.value.returncode == 2
