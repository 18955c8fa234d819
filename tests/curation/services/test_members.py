from __future__ import annotations

import pytest
from allauth.account.models import EmailAddress
from django.test import Client, override_settings
from rest_framework.authtoken.models import Token

from curation.models import Membership, Participant, Role, User
from curation.services.api_tokens import issue_token
from curation.services.members import MemberRefusedError, add_member, link_account
from tests.factories.rows import PASSWORD, make_dataset, make_participant, make_user

pytestmark = pytest.mark.django_db


def test_a_new_account_gets_a_password_a_role_and_its_code() -> None:
    dataset = make_dataset()
    person = make_participant(dataset, "user0003")
    member = add_member(dataset=dataset, email="Me@Example.org ", role=Role.ANNOTATOR, code="user0003", name="Me")
    assert member.user.check_password(member.password)
    assert (member.user.email, member.participant) == ("me@example.org", person)
    assert Membership.objects.get().role == Role.ANNOTATOR


def test_an_account_that_is_there_keeps_its_password_and_gains_the_role_once() -> None:
    dataset, user = make_dataset(), make_user("me@example.org")
    for _ in range(2):
        member = add_member(dataset=dataset, email="me@example.org", role=Role.CURATOR)
        assert (member.user, member.password) == (user, "")
    assert Membership.objects.count() == 1


def test_a_code_of_another_account_is_refused_and_nothing_is_stored() -> None:
    dataset = make_dataset()
    make_participant(dataset, "user0003", user=make_user())
    with pytest.raises(MemberRefusedError) as caught:
        add_member(dataset=dataset, email="me@example.org", role=Role.ANNOTATOR, code="user0003")
    assert caught.value.reason == "code_taken"
    assert not Membership.objects.exists()
    assert not User.objects.filter(email="me@example.org").exists()


def test_an_account_never_becomes_two_people_of_a_dataset() -> None:
    dataset, user = make_dataset(), make_user()
    first = link_account(dataset=dataset, code="user0003", user=user)
    assert link_account(dataset=dataset, code="user0003", user=user) == first
    with pytest.raises(MemberRefusedError) as caught:
        link_account(dataset=dataset, code="user0004", user=user)
    assert caught.value.reason == "other_code"
    assert list(Participant.objects.values_list("code", flat=True)) == ["user0003"]
    assert link_account(dataset=make_dataset(), code="user0004", user=user).code == "user0004"


@pytest.mark.parametrize(
    ("email", "code", "reason"),
    [("nobody", "", "bad_email"), ("a@b.org", "c@d.org", "participant_is_email"), ("a@b.org", " x", "bad_participant")],
)
def test_addresses_and_codes_that_are_none_are_refused(email: str, code: str, reason: str) -> None:
    with pytest.raises(MemberRefusedError) as caught:
        add_member(dataset=make_dataset(), email=email, role=Role.ANNOTATOR, code=code)
    assert caught.value.reason == reason
    assert not User.objects.exists()


def _sign_up(email: str) -> tuple[Client, User]:
    """Make an account as strangers do, in a browser that stays signed in."""
    client = Client()
    with override_settings(ACCOUNT_OPEN_SIGNUP=True):
        page = client.post("/accounts/signup/", {"email": email, "password1": PASSWORD, "password2": PASSWORD})
    assert page.status_code == 302
    return client, User.objects.get(email=email)


def test_who_signed_up_with_somebodys_address_does_not_get_that_persons_role() -> None:
    dataset = make_dataset()
    stranger, account = _sign_up("prof@example.org")
    token = issue_token(user=account)
    EmailAddress.objects.create(user=account, email="stranger@example.org")  # a letter could be sent there
    member = add_member(dataset=dataset, email="Prof@example.org", role=Role.CURATOR)
    assert (member.user, member.taken_back) == (account, True)
    assert member.user.check_password(member.password)
    assert not member.user.check_password(PASSWORD)
    assert stranger.get(f"/d/{dataset.slug}/").status_code == 302
    assert Client().get("/api/datasets/", headers={"Authorization": f"Token {token}"}).status_code == 401
    assert not Token.objects.exists()
    assert list(EmailAddress.objects.values_list("email", "verified")) == [("prof@example.org", True)]


def test_an_account_is_taken_back_once() -> None:
    _sign_up("prof@example.org")
    first = add_member(dataset=make_dataset(), email="prof@example.org", role=Role.CURATOR)
    again = add_member(dataset=make_dataset(), email="prof@example.org", role=Role.CURATOR)
    assert (again.password, again.taken_back) == ("", False)
    assert again.user.check_password(first.password)


def test_an_account_whose_address_was_confirmed_keeps_its_password() -> None:
    _, account = _sign_up("prof@example.org")
    EmailAddress.objects.get(user=account).set_verified()
    member = add_member(dataset=make_dataset(), email="prof@example.org", role=Role.CURATOR)
    assert (member.password, member.taken_back) == ("", False)
    assert member.user.check_password(PASSWORD)


def test_an_account_that_the_operator_made_is_confirmed() -> None:
    member = add_member(dataset=make_dataset(), email="me@example.org", role=Role.CURATOR)
    assert EmailAddress.objects.get(user=member.user).verified
