from __future__ import annotations

from itertools import chain, combinations

import pytest
from django.contrib.auth.models import AnonymousUser
from pytest_django import DjangoAssertNumQueries

from curation.models import CandidateAnnotation, Clip, Dataset, Participant, Role, Submission, SubmissionState, User
from curation.selectors import reach
from curation.selectors.access import audible_clips, audible_submissions
from curation.selectors.reach import (
    among,
    pointing,
    reach_of,
    reached_annotations,
    reached_clips,
    reached_judgements,
    reached_submissions,
)
from tests.factories.rows import (
    make_annotation,
    make_category,
    make_clip,
    make_dataset,
    make_member,
    make_participant,
    make_submission,
    make_user,
)

pytestmark = pytest.mark.django_db

EVERY_SET_OF_ROLES = list(chain.from_iterable(combinations(Role, size) for size in range(len(Role) + 1)))


def _fill(dataset: Dataset, listener: User) -> None:
    """Store a clip and a submission in each state, of the listener and of somebody else."""
    category = make_category(dataset)
    for participant in (make_participant(dataset, user=listener), make_participant(dataset)):
        make_annotation(make_clip(dataset, participant=participant), category)
        for state in SubmissionState:
            make_submission(dataset, category=category, participant=participant, state=state)


def _agrees(listener: User | AnonymousUser, slug: str, only: set[int]) -> None:
    """Compare with the rules of `curation.selectors.access`, narrowed to some datasets."""
    reached = reach_of(listener, slug)
    clips = set(audible_clips(listener).filter(dataset__in=only))
    assert set(reached_clips(reached)) == clips
    assert set(reached_annotations(reached)) == set(CandidateAnnotation.objects.filter(clip__in=clips))
    assert set(reached_submissions(reached)) == set(audible_submissions(listener).filter(dataset__in=only))


@pytest.mark.parametrize("roles", EVERY_SET_OF_ROLES, ids=lambda roles: "+".join(roles) or "none")
def test_each_set_of_roles_reaches_what_it_may_hear(roles: tuple[Role, ...]) -> None:
    dataset, elsewhere = make_dataset(), make_dataset()
    listener = make_user()
    for role in roles:
        make_member(dataset, role, listener)
    make_member(elsewhere, Role.PARTICIPANT, listener)
    for place in (dataset, elsewhere):
        _fill(place, listener)
    _agrees(listener, "", {dataset.pk, elsewhere.pk})
    _agrees(listener, dataset.slug, {dataset.pk})
    _agrees(listener, elsewhere.slug, {elsewhere.pk})


def test_the_operator_reaches_all_and_strangers_nothing() -> None:
    dataset, elsewhere = make_dataset(), make_dataset()
    operator = make_user(is_superuser=True)
    for place in (dataset, elsewhere):
        _fill(place, operator)
    _agrees(operator, "", {dataset.pk, elsewhere.pk})
    _agrees(operator, dataset.slug, {dataset.pk})
    _agrees(operator, "unknown", set())
    _agrees(make_user(), "", set())
    _agrees(AnonymousUser(), dataset.slug, set())
    _agrees(make_user(is_active=False, is_superuser=True), "", set())


def test_asking_takes_two_queries(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    listener = make_member(make_dataset(), Role.ANNOTATOR)
    with django_assert_num_queries(2):
        reach_of(listener)


def test_judgements_are_all_of_the_dataset_that_one_runs_and_the_own_elsewhere() -> None:
    run, judged = make_dataset(), make_dataset()
    user = make_member(run, Role.CURATOR)
    make_member(judged, Role.ANNOTATOR, user)
    rows = [
        make_submission(dataset, participant=participant)
        for dataset in (run, judged)
        for participant in (make_participant(dataset), make_participant(dataset, user=user))
    ]
    every = Submission.objects.all()  # whoever recorded stands for whoever judged: the columns are the same
    found = reached_judgements(every, reach_of(user), judged=every, of="pk", by="participant")
    assert set(found) == {rows[0], rows[1], rows[3]}


@pytest.mark.parametrize("few", [0, 100])
def test_rows_are_found_alike_from_few_targets_and_from_many(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = make_dataset()
    monkeypatch.setattr(reach, "FEW", few)
    monkeypatch.setattr(reach, "RARE", few)
    wanted, other = make_participant(dataset), make_participant(dataset)
    clips = [make_clip(dataset, participant=participant) for participant in (wanted, other, wanted)]
    targets = Participant.objects.filter(pk=wanted.pk)
    assert list(Clip.objects.filter(among("participant", targets))) == [clips[0], clips[2]]
    assert list(pointing(Clip.objects.all(), "participant", [wanted.pk])) == [clips[0], clips[2]]
    assert list(pointing(Clip.objects.all(), "participant", [])) == []
