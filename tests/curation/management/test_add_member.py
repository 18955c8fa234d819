from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from allauth.account.models import EmailAddress
from django.core.management import CommandError, call_command

from curation.models import Dataset, Membership, User
from tests.factories.rows import make_dataset, make_participant, make_user

pytestmark = pytest.mark.django_db


def printed(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def test_the_password_is_shown_once_and_opens_the_account() -> None:
    dataset = make_dataset("scenes")
    words = ("add_member", "scenes", "me@example.org", "--role", "annotator", "--participant", "user0003")
    password = printed(*words).splitlines()[0].rsplit(" ", 1)[1]
    assert User.objects.get().check_password(password)
    assert dataset.participants.get().code == "user0003"
    assert "password" not in printed(*words)


def test_an_account_that_signed_up_by_itself_is_taken_back_and_the_command_says_so() -> None:
    make_dataset("scenes")
    user = make_user("prof@example.org")
    EmailAddress.objects.create(user=user, email=user.email, primary=True)
    words = ("add_member", "scenes", "prof@example.org", "--role", "curator")
    said = printed(*words)
    assert "had signed up" in said
    password = said.splitlines()[0].rsplit(" ", 1)[1]
    user.refresh_from_db()
    assert user.check_password(password)
    assert "password" not in printed(*words)


def test_a_dataset_that_is_not_there_or_an_address_that_is_none_exits_2() -> None:
    make_dataset("scenes")
    for slug, email in (("other", "me@example.org"), ("scenes", "me")):
        with pytest.raises(CommandError) as caught:
            call_command("add_member", slug, email, "--role", "curator")
        assert caught.value.returncode == 2


def test_a_new_dataset_says_that_nobody_works_in_it() -> None:
    assert "add_member scenes EMAIL --role curator" in printed("create_dataset", "scenes")


def test_a_taxonomy_that_makes_a_dataset_says_so_once(tmp_path: Path) -> None:
    path = tmp_path / "taxonomy.csv"
    path.write_text("id,name,parents,description\nbus,Bus,,\n", encoding="utf-8")
    assert "add_member" in printed("import_taxonomy", str(path), "--dataset", "scenes")
    assert "add_member" not in printed("import_taxonomy", str(path), "--dataset", "scenes")


def test_a_dataset_is_made_with_its_curator() -> None:
    assert "add_member" not in printed("create_dataset", "scenes", "--curator", "me@example.org")
    assert Membership.objects.get().role == "curator"


def test_a_curator_without_an_address_makes_no_dataset() -> None:
    with pytest.raises(CommandError):
        call_command("create_dataset", "scenes", "--curator", "me")
    assert not Dataset.objects.exists()


def test_a_code_that_nobody_has_used_is_named_as_new() -> None:
    make_participant(make_dataset("scenes"), "user0003")
    words = ("add_member", "scenes", "me@example.org", "--role", "annotator", "--participant")
    assert "Mind" not in printed(*words, "user0003")
    words = ("add_member", "scenes", "you@example.org", "--role", "annotator", "--participant")
    assert "nobody has recorded or judged as user0004 yet" in printed(*words, "user0004")
    assert "Mind" not in printed(*words, "user0004")
