"""The operator's pages: every list opens, and what is written once cannot be changed there."""

from __future__ import annotations

import pytest
from allauth.account.models import EmailAddress
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.authtoken.models import Token

from curation.models import Dataset, Participant, Release, Role, Split, User
from curation.selectors.policies import current_policy
from curation.services.account_origin import came_unasked
from tests.factories.rows import make_dataset, make_member, make_participant, make_user
from tests.factories.world import make_world

pytestmark = pytest.mark.django_db
CHANGEABLE = (Dataset, Participant, User)


@pytest.fixture
def operator(client: Client) -> Client:
    world = make_world(clips_per_category=1)
    client.force_login(world.operator)
    return client


def test_every_list_opens(operator: Client) -> None:
    for model in admin.site._registry:
        meta = model._meta
        assert operator.get(f"/operator/{meta.app_label}/{meta.model_name}/").status_code == 200


def test_the_operators_pages_name_their_rows_in_korean(operator: Client) -> None:
    page = operator.get("/operator/", headers={"accept-language": "ko"}).content.decode()
    for name in ("데이터셋과 사람", "데이터셋 정책", "가져오기", "작업", "참가자", "릴리스", "분할", "제출물", "계정"):
        assert name in page, name
    for name in ("Curation", "Dataset policies", "Import runs", "Releases"):
        assert name not in page, name


def test_only_accounts_datasets_and_who_a_person_is_can_be_changed(operator: Client) -> None:
    for model in admin.site._registry:
        meta = model._meta
        row = model._default_manager.first()
        if meta.app_label != "curation" or row is None:
            continue
        page = operator.get(f"/operator/curation/{meta.model_name}/{row.pk}/change/")
        assert page.status_code == 200
        assert page.context["has_change_permission"] == (model in CHANGEABLE), model


def test_the_operator_ends_tokens_and_never_sees_one(operator: Client) -> None:
    curator = User.objects.get(email="cora@example.org")
    token = Token.objects.create(user=curator)
    assert operator.get("/operator/authtoken/tokenproxy/").status_code == 404
    chosen = {"action": "end_tokens", "_selected_action": [curator.pk]}
    page = operator.post("/operator/curation/user/", chosen, follow=True)
    assert "1 token ended." in page.content.decode()
    assert token.key not in page.content.decode()
    assert not Token.objects.exists()


def test_a_curator_is_no_operator(client: Client) -> None:
    client.force_login(make_member(make_dataset(), Role.CURATOR))
    assert client.get("/operator/").status_code == 302


def test_the_operator_makes_an_account_by_email(operator: Client) -> None:
    fields = {"email": "new@example.org", "password1": "quite a long one 7", "password2": "quite a long one 7"}
    page = operator.post("/operator/curation/user/add/", {**fields, "display_name": "", "usable_password": "true"})
    assert page.status_code == 302, page.context["adminform"].form.errors
    user = User.objects.get(email="new@example.org")
    assert user.check_password("quite a long one 7")
    assert not came_unasked(user)
    assert EmailAddress.objects.get(user=user).verified


def test_an_inactive_operator_is_kept_out(client: Client) -> None:
    client.force_login(make_user(is_superuser=True, is_staff=True, is_active=False))
    assert client.get("/operator/").status_code == 302


def test_the_operator_says_which_account_a_person_is_and_no_person_becomes_two(operator: Client) -> None:
    dataset, user = make_dataset(), make_user()
    person, other = make_participant(dataset, "user0003"), make_participant(dataset, "user0004")
    fields = {"user": user.pk, "code": "renamed"}
    assert operator.post(f"/operator/curation/participant/{person.pk}/change/", fields).status_code == 302
    person.refresh_from_db()
    assert (person.user, person.code) == (user, "user0003")
    refused = operator.post(f"/operator/curation/participant/{other.pk}/change/", fields)
    assert "is user0003 in" in refused.context["adminform"].form.errors["user"][0]


def test_a_role_is_given_on_the_page_of_an_account(operator: Client) -> None:
    page = operator.get(f"/operator/curation/user/{make_user().pk}/change/")
    assert b"memberships-0-role" in page.content


def test_releases_are_listed_without_their_manifests_in_a_fixed_number_of_queries(operator: Client) -> None:
    counts = []
    for number in (2, 3, 4):
        _make_release(make_dataset(), number)
        with CaptureQueriesContext(connection) as captured:
            page = operator.get("/operator/curation/release/")
        assert page.status_code == 200
        assert f"{number}.0" in page.content.decode()
        assert not [query["sql"] for query in captured if '"curation_release"."manifest"' in query["sql"]]
        counts.append(len(captured))
    assert counts[0] == counts[-1]


def _make_release(dataset: Dataset, number: int) -> None:
    split = Split.objects.create(
        dataset=dataset, number=1, method="greedy", parameters={}, manifest_sha256="0" * 64, table={}
    )
    Release.objects.create(
        dataset=dataset,
        version=f"{number}.0",
        policy=current_policy(dataset),
        split=split,
        manifest=[["a.wav", 1, "0" * 64]],
        manifest_sha256="0" * 64,
    )
