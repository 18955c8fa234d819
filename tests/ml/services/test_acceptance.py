"""A curator's word on labels: stored as events, taken back by events."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from curation.models import CandidateAnnotation, Role
from ml.models import AcceptanceEvent, VerificationRun
from ml.selectors.acceptances import accepted_count
from ml.selectors.predictions import acceptable, predictions_by_priority
from ml.services.acceptance import AcceptanceRefusedError, accept_labels, undo_acceptance
from tests.factories.rows import make_annotation, make_category, make_clip, make_dataset, make_member, make_user
from tests.factories.verification_rows import make_finished_run, make_run, settle

pytestmark = pytest.mark.django_db


@pytest.fixture
def annotations() -> list[CandidateAnnotation]:
    dataset = make_dataset()
    category = make_category(dataset)
    return [make_annotation(make_clip(dataset), category) for _ in range(4)]


@pytest.fixture
def run(annotations: list[CandidateAnnotation]) -> VerificationRun:
    return make_finished_run(annotations[0].dataset, dict(zip(annotations, (0.99, 0.97, 0.6, 0.2), strict=True)))


def accepted(run: VerificationRun) -> set[int]:
    return {each.annotation_id for each in predictions_by_priority(run) if each.accepted}


def priorities(annotations: list[CandidateAnnotation]) -> list[float]:
    return [round(CandidateAnnotation.objects.get(pk=each.pk).review_priority, 6) for each in annotations]


def test_accepting_and_taking_back_are_events(run: VerificationRun, annotations: list[CandidateAnnotation]) -> None:
    curator = make_member(run.dataset, Role.CURATOR)
    first, second, *_ = (each.pk for each in annotations)
    report = accept_labels(run=run, annotations=[first, second], by=curator)
    assert (report.stored, report.passed_over) == (2, 0)
    assert accepted(run) == {first, second}
    again = accept_labels(run=run, annotations=[second], by=curator)
    assert (again.stored, again.passed_over) == (0, 1)
    undone = undo_acceptance(run=run, annotations=[second, annotations[2].pk], by=curator)
    assert (undone.stored, undone.passed_over) == (1, 1)
    assert accepted(run) == {first}
    assert accepted_count(run.dataset) == 1
    accept_labels(run=run, annotations=[second], by=curator)
    events = AcceptanceEvent.objects.filter(annotation=second).order_by("pk")
    assert [event.kind for event in events] == ["accept", "undo", "accept"]
    assert {event.by.user for event in events} == {curator}
    assert accepted_count(make_dataset()) == 0


def test_accepted_labels_are_heard_last(run: VerificationRun, annotations: list[CandidateAnnotation]) -> None:
    curator = make_member(run.dataset, Role.CURATOR)
    assert priorities(annotations) == [0.01, 0.03, 0.4, 0.8]
    accept_labels(run=run, annotations=[annotations[3].pk], by=curator)
    assert priorities(annotations) == [0.01, 0.03, 0.4, 0.0]
    undo_acceptance(run=run, annotations=[annotations[3].pk], by=curator)
    assert priorities(annotations) == [0.01, 0.03, 0.4, 0.8]


def test_what_people_have_settled_is_not_accepted_over_them(
    run: VerificationRun, annotations: list[CandidateAnnotation]
) -> None:
    settle(annotations[0], "NP")
    assert [each.annotation for each in acceptable(run, threshold=0.5)] == annotations[1:3]
    curator = make_member(run.dataset, Role.CURATOR)
    report = accept_labels(run=run, annotations=[each.pk for each in annotations[:2]], by=curator)
    assert (report.stored, report.passed_over) == (1, 1)
    assert [each.annotation for each in acceptable(run, threshold=0.5)] == [annotations[2]]


@pytest.mark.parametrize("role", [Role.ENGINEER, Role.ANNOTATOR, Role.PARTICIPANT, None])
def test_nothing_is_accepted_without_a_curators_word(
    run: VerificationRun, annotations: list[CandidateAnnotation], role: Role | None
) -> None:
    person = make_user() if role is None else make_member(run.dataset, role)
    for act in (accept_labels, undo_acceptance):
        with pytest.raises(AcceptanceRefusedError, match="curators alone") as refused:
            act(run=run, annotations=[annotations[0].pk], by=person)
        assert refused.value.reason == "not_curator"
    assert not AcceptanceEvent.objects.exists()


def test_what_the_run_has_not_judged_is_refused_with_all_the_rest(
    run: VerificationRun, annotations: list[CandidateAnnotation]
) -> None:
    curator = make_member(run.dataset, Role.CURATOR)
    later = make_annotation(make_clip(run.dataset), annotations[0].category)
    with pytest.raises(AcceptanceRefusedError) as refused:
        accept_labels(run=run, annotations=[annotations[0].pk, later.pk], by=curator)
    assert refused.value.reason == "not_judged"
    with pytest.raises(AcceptanceRefusedError) as refused:
        accept_labels(run=make_run(run.dataset), annotations=[annotations[0].pk], by=curator)
    assert refused.value.reason == "not_finished"
    assert not AcceptanceEvent.objects.exists()


def test_an_acceptance_is_undone_through_the_run_that_it_rests_on(
    run: VerificationRun, annotations: list[CandidateAnnotation]
) -> None:
    operator = make_user(is_superuser=True)
    accept_labels(run=run, annotations=[annotations[0].pk], by=operator)
    newer = make_finished_run(run.dataset, {annotations[0]: 0.5})
    assert undo_acceptance(run=newer, annotations=[annotations[0].pk], by=operator).stored == 0
    assert undo_acceptance(run=run, annotations=[annotations[0].pk], by=operator).stored == 1
    assert priorities(annotations[:1]) == [0.5]  # as the newest run found


def test_the_number_of_queries_does_not_grow_with_the_labels(
    run: VerificationRun, annotations: list[CandidateAnnotation]
) -> None:
    curator = make_member(run.dataset, Role.CURATOR)
    counts = []
    for part in (annotations[:1], annotations[1:]):
        with CaptureQueriesContext(connection) as queries:
            accept_labels(run=run, annotations=[each.pk for each in part], by=curator)
        counts.append(len(queries))
    assert counts[1] <= counts[0]  # the first also makes the curator a person of the dataset
