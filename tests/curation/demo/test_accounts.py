from __future__ import annotations

import json
from pathlib import Path

import pytest
from allauth.account.models import EmailAddress

from curation.demo.accounts import CHANGED, ROLES, ensure_accounts
from curation.models import Membership, Participant, User
from tests.factories.rows import make_dataset, make_participant

pytestmark = pytest.mark.django_db


def _passwords(folder: Path, person: Participant) -> dict[str, str]:
    accounts = ensure_accounts(
        datasets=[person.dataset], passwords_path=folder / "demo" / "accounts.json", recorded_as=person
    )
    return {account.role: account.password for account in accounts}


def test_each_role_gets_an_account_that_can_sign_in(tmp_path: Path) -> None:
    dataset = make_dataset()
    passwords = _passwords(tmp_path, make_participant(dataset))
    assert list(passwords) == list(ROLES)
    assert len(set(passwords.values())) == len(ROLES)
    for role, password in passwords.items():
        user = User.objects.get(email=f"{role}@earmark.example")
        assert user.check_password(password)
        assert EmailAddress.objects.get(user=user).verified
        assert user.is_superuser == (role == "operator")
        assert [row.role for row in Membership.objects.filter(user=user)] == ([] if role == "operator" else [role])


def test_the_participant_owns_the_recordings(tmp_path: Path) -> None:
    person = make_participant(make_dataset())
    _passwords(tmp_path, person)
    person.refresh_from_db()
    assert person.user == User.objects.get(email="participant@earmark.example")


def test_a_second_start_shows_the_same_and_makes_nothing(tmp_path: Path) -> None:
    person = make_participant(make_dataset())
    first = _passwords(tmp_path, person)
    assert _passwords(tmp_path, person) == first
    assert User.objects.count() == len(ROLES)


def test_passwords_are_kept_for_their_owner_alone(tmp_path: Path) -> None:
    first = _passwords(tmp_path, make_participant(make_dataset()))
    path = tmp_path / "demo" / "accounts.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert json.loads(path.read_text()) == first


def test_a_password_that_its_owner_changed_stays(tmp_path: Path) -> None:
    person = make_participant(make_dataset())
    _passwords(tmp_path, person)
    curator = User.objects.get(email="curator@earmark.example")
    curator.set_password("my own words for it")
    curator.save()
    assert _passwords(tmp_path, person)["curator"] == CHANGED
    curator.refresh_from_db()
    assert curator.check_password("my own words for it")


def test_passwords_that_were_lost_are_drawn_anew(tmp_path: Path) -> None:
    person = make_participant(make_dataset())
    first = _passwords(tmp_path, person)
    (tmp_path / "demo" / "accounts.json").unlink()
    second = _passwords(tmp_path, person)
    assert not set(first.values()) & set(second.values())
    assert User.objects.get(email="curator@earmark.example").check_password(second["curator"])
