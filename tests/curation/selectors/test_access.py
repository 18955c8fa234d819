from __future__ import annotations

from itertools import chain, combinations

import pytest
from django.contrib.auth.models import AnonymousUser
from pytest_django import DjangoAssertNumQueries

from curation.models import Clip, Dataset, Role, Submission, SubmissionState, User
from curation.selectors.access import (
    OPERATOR,
    audible_clips,
    audible_clips_in,
    audible_submissions,
    audible_submissions_in,
    may_curate,
    may_judge,
    roles_in,
    visible_datasets,
)
from tests.factories.rows import make_clip, make_dataset, make_member, make_participant, make_submission, make_user

pytestmark = pytest.mark.django_db

EVERY_SET_OF_ROLES = list(chain.from_iterable(combinations(Role, size) for size in range(len(Role) + 1)))


def _listener(dataset: Dataset, roles: tuple[Role, ...]) -> User:
    user = make_user()
    for role in roles:
        make_member(dataset, role, user)
    return user


def _hears_submission(roles: tuple[Role, ...], state: SubmissionState, *, own: bool) -> bool:
    """Spell the rules of the issue out once more, one role at a time."""
    return (
        Role.CURATOR in roles
        or Role.ENGINEER in roles
        or (Role.ANNOTATOR in roles and state == SubmissionState.UNDECIDED and not own)
        or (Role.PARTICIPANT in roles and own)
    )


def _hears_clip(roles: tuple[Role, ...], *, own: bool) -> bool:
    return bool({Role.CURATOR, Role.ENGINEER, Role.ANNOTATOR} & set(roles)) or (Role.PARTICIPANT in roles and own)


@pytest.mark.parametrize("roles", EVERY_SET_OF_ROLES, ids=lambda roles: "+".join(roles) or "none")
def test_each_set_of_roles_hears_exactly_its_part(roles: tuple[Role, ...]) -> None:
    dataset, elsewhere = make_dataset(), make_dataset()
    listener = _listener(dataset, roles)
    own = make_participant(dataset, user=listener)
    own_elsewhere = make_participant(elsewhere, user=listener)
    owners = [
        (dataset, own, True),
        (dataset, make_participant(dataset, user=make_user()), False),
        (dataset, make_participant(dataset), False),  # a code without an account
        (elsewhere, own_elsewhere, None),
        (elsewhere, make_participant(elsewhere), None),
    ]
    expected_submissions, expected_clips = set(), set()
    for place, participant, is_own in owners:
        for state in SubmissionState:
            submission = make_submission(place, participant=participant, state=state)
            if is_own is not None and _hears_submission(roles, state, own=is_own):
                expected_submissions.add(submission.pk)
            segment = make_clip(place, participant=participant, submission=submission, segment_index=0)
            imported = make_clip(place, participant=participant)
            if is_own is not None and _hears_clip(roles, own=is_own):
                expected_clips |= {segment.pk, imported.pk}
    assert _keys(audible_submissions(listener)) == expected_submissions
    assert _keys(audible_clips(listener)) == expected_clips
    known = roles_in(listener, dataset)
    assert _keys(audible_submissions_in(listener, dataset, known)) == expected_submissions
    assert _keys(audible_clips_in(listener, dataset, known)) == expected_clips
    assert list(visible_datasets(listener)) == ([dataset] if roles else [])


@pytest.mark.parametrize("roles", EVERY_SET_OF_ROLES, ids=lambda roles: "+".join(roles) or "none")
def test_somebody_who_has_done_nothing_yet_has_nothing_of_their_own(roles: tuple[Role, ...]) -> None:
    dataset = make_dataset()
    listener = _listener(dataset, roles)
    make_submission(dataset)
    make_clip(dataset)
    known = roles_in(listener, dataset)
    assert _keys(audible_submissions_in(listener, dataset, known)) == _keys(audible_submissions(listener))
    assert _keys(audible_clips_in(listener, dataset, known)) == _keys(audible_clips(listener))


def _keys(rows: object) -> set[int]:
    keys = [row.pk for row in rows]  # type: ignore[attr-defined]
    assert len(keys) == len(set(keys)), "a row came twice"
    return set(keys)


def test_the_operator_hears_everything() -> None:
    dataset = make_dataset()
    submission, clip = make_submission(dataset), make_clip(dataset)
    operator = make_user(is_superuser=True)
    assert list(audible_submissions(operator)) == [submission]
    assert list(audible_clips(operator)) == [clip]
    assert list(visible_datasets(operator)) == [dataset]
    assert roles_in(operator, dataset) == {OPERATOR, *Role.values}


@pytest.mark.parametrize("stranger", ["anonymous", "inactive"])
def test_strangers_and_closed_accounts_hear_nothing(stranger: str) -> None:
    dataset = make_dataset()
    make_submission(dataset)
    make_clip(dataset)
    user: User | AnonymousUser = AnonymousUser()
    if stranger == "inactive":
        user = make_user(is_superuser=True, is_active=False)
    assert not audible_submissions(user).exists()
    assert not audible_clips(user).exists()
    assert not visible_datasets(user).exists()
    assert roles_in(user, dataset) == set()


def test_roles_belong_to_one_dataset() -> None:
    dataset, other = make_dataset(), make_dataset()
    user = make_member(dataset, Role.ANNOTATOR)
    make_member(dataset, Role.PARTICIPANT, user)
    assert roles_in(user, dataset) == {"annotator", "participant"}
    assert roles_in(user, other) == set()


def test_only_annotators_judge_and_only_curators_and_engineers_see_all() -> None:
    assert [role for role in Role if may_judge({role})] == [Role.ANNOTATOR]
    assert [role for role in Role if may_curate({role})] == [Role.CURATOR, Role.ENGINEER]


def test_each_selector_is_one_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    dataset = make_dataset()
    user = make_member(dataset, Role.ANNOTATOR)
    make_member(dataset, Role.PARTICIPANT, user)
    make_submission(dataset)
    make_clip(dataset)
    for model, rows in ((Submission, audible_submissions(user)), (Clip, audible_clips(user))):
        with django_assert_num_queries(1):
            assert len(rows) == 1, model
    with django_assert_num_queries(1):
        assert list(visible_datasets(user)) == [dataset]
