"""The pages of one clip and of one submission."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from annotate.services.ratings import record_rating
from curation.models import Clip, Role, Split, SplitAssignment, Submission, SubmissionState, Subset, User
from tests.factories.listening import Listening, make_listening
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
from validate.services.votes import record_vote

pytestmark = pytest.mark.django_db
MOST_QUERIES = 10


def _get(user: User, row: Clip | Submission) -> str:
    client = Client()
    client.force_login(user)
    name = "clip" if isinstance(row, Clip) else "submission"
    response = client.get(reverse(name, args=(row.dataset.slug, row.pk)))
    assert response.status_code == 200, response.status_code
    return response.content.decode()


def _status(user: User | None, row: Clip | Submission, slug: str = "") -> int:
    client = Client()
    if user:
        client.force_login(user)
    name = "clip" if isinstance(row, Clip) else "submission"
    return client.get(reverse(name, args=(slug or row.dataset.slug, row.pk))).status_code


@pytest.fixture
def listening() -> Listening:
    return make_listening(items=1)


def test_a_clip_shows_its_measures_with_units_and_its_whole_history(listening: Listening) -> None:
    split = Split.objects.create(
        dataset=listening.dataset, number=1, method="greedy", parameters={}, manifest_sha256="0" * 64, table={}
    )
    SplitAssignment.objects.create(split=split, participant=listening.told.participant, subset=Subset.VAL)
    page = _get(listening.curator, listening.told)
    for text in ("LUFS", "dBTP", "2.000", "mono, 16 bit, 44,100", "user0017", "Validation in split 1"):
        assert text in page, text
    steps = ("Received", "Vote 1", "Vote 3", "Accepted", "Cut", "PP", "Settled", "Split 1")
    history = page[page.index('class="history"') :]
    places = [history.index(f'<span class="history-title">{step}</span>') for step in steps]
    assert places == sorted(places)


def test_no_page_tells_an_e_mail_address_of_others(listening: Listening) -> None:
    for row in (listening.told, listening.told.submission):
        assert row is not None
        assert listening.participant.email not in _get(listening.curator, row)


def test_measures_that_could_not_be_taken_say_so() -> None:
    dataset = make_dataset()
    clip = make_clip(dataset, source_url="javascript:alert(1)")
    page = _get(make_member(dataset, Role.CURATOR), clip)
    assert "too short or too quiet to measure" in page
    assert "digital silence" in page
    assert 'href="javascript' not in page


def test_a_rejected_submission_says_why() -> None:
    dataset = make_dataset()
    owner = make_member(dataset, Role.PARTICIPANT)
    submission = make_submission(dataset, participant=make_participant(dataset, user=owner))
    for _ in range(3):
        record_vote(
            submission=submission,
            voter=make_participant(dataset),
            gain=True,
            privacy=False,
            acoustic_cue=True,
            source="import",
        )
    submission.refresh_from_db()
    assert submission.state == SubmissionState.REJECTED
    assert "Privacy (3)" in _get(owner, submission)


def test_judgements_under_way_are_hidden_from_those_who_judge(listening: Listening) -> None:
    submission, clip = listening.submissions[0], listening.clips[0]
    other = make_participant(listening.dataset, "user0444")
    record_vote(submission=submission, voter=other, gain=True, privacy=True, acoustic_cue=True, source="import")
    seen = _get(listening.annotator, submission)
    assert "user0444" not in seen
    assert "1 vote of somebody else is shown once" in seen
    assert "user0444" in _get(listening.curator, submission)
    record_rating(annotation=clip.annotations.get(), annotator=other, presence="NP", source="import")
    assert "user0444" not in _get(listening.annotator, clip)
    assert "user0444" in _get(listening.curator, clip)


def test_what_a_settled_clip_is_shows_to_annotators_once_they_have_rated_it(listening: Listening) -> None:
    told = listening.told
    before = _get(listening.annotator, told)
    history = before[before.index('class="history"') :]
    assert "Settled" not in history
    assert "presence-pp" not in before
    panel = before[before.index('id="ratings-title"') :]
    assert "user0001" not in panel[: panel.index("</section>")]
    assert "presence-pp" not in _get(listening.participant, told)  # who recorded it may rate it one day
    assert "presence-pp" in _get(listening.curator, told)
    mine = make_participant(listening.dataset, user=listening.annotator)
    record_rating(annotation=told.annotations.get(), annotator=mine, presence="NP", source="web")
    after = _get(listening.annotator, told)
    assert "Settled" in after[after.index('class="history"') :]
    for text in ("presence-pp", "user0001", "user0002", mine.code):
        assert text in after[after.index('id="annotations-title"') :], text


def test_the_list_of_clips_tells_nothing_that_the_person_has_not_rated(
    listening: Listening, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    mine = make_participant(listening.dataset, user=listening.annotator)
    client = Client()
    client.force_login(listening.annotator)
    address = reverse("clips", args=("dogs",))

    def names(state: str = "") -> str:
        with django_assert_max_num_queries(MOST_QUERIES):
            return client.get(address, {"state": state}).content.decode()

    settled = reverse("clip", args=("dogs", listening.told.pk))
    assert settled in names()
    assert "presence-pp" not in names()
    assert '<option value="unrated"' not in names()
    for state in ("settled", "rated", "undecided", "unrated"):
        assert "Nothing matches" in names(state), state
        assert "Nothing matches" in client.get(address, {"state": state, "q": "Dog"}).content.decode(), state
    record_rating(annotation=listening.told.annotations.get(), annotator=mine, presence="NP", source="web")
    assert "presence-pp" in names()
    assert settled in names("settled")
    assert settled in names("rated")
    assert "Nothing matches" in names("undecided")
    client.force_login(listening.curator)
    assert settled in names("settled")
    assert '<option value="unrated"' in names()


def test_only_who_may_open_the_recording_gets_its_link(listening: Listening) -> None:
    address = reverse("submission", args=("dogs", listening.told.submission_id))
    assert address in _get(listening.curator, listening.told)
    assert address in _get(listening.participant, listening.told)
    assert address not in _get(listening.annotator, listening.told)


def test_neighbours_are_those_that_the_same_person_may_hear() -> None:
    dataset = make_dataset()
    owner = make_member(dataset, Role.PARTICIPANT)
    person = make_participant(dataset, user=owner)
    mine = [make_clip(dataset, participant=person)]
    make_clip(dataset)
    mine.append(make_clip(dataset, participant=person))
    page = _get(owner, mine[0])
    assert reverse("clip", args=(dataset.slug, mine[1].pk)) in page
    assert 'rel="prev"' not in page


def test_what_a_person_may_not_hear_is_not_found() -> None:
    dataset, other = make_dataset(), make_dataset()
    clip, submission = make_clip(dataset), make_submission(dataset)
    participant = make_member(dataset, Role.PARTICIPANT)
    for row in (clip, submission):
        assert _status(participant, row) == 404
        assert _status(make_user(), row) == 404
        assert _status(None, row) == 302  # to sign in
        assert _status(make_member(other, Role.CURATOR), row, other.slug) == 404  # in the wrong dataset


def test_a_clip_page_takes_at_most_ten_queries(
    listening: Listening, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(5):
        make_annotation(listening.told, make_category(listening.dataset, f"Category {number}"))
    client = Client()
    for person in (listening.curator, listening.annotator, listening.participant):
        client.force_login(person)
        with django_assert_max_num_queries(MOST_QUERIES):
            client.get(reverse("clip", args=("dogs", listening.told.pk)))


def test_a_submission_page_takes_at_most_ten_queries(
    listening: Listening, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client = Client()
    client.force_login(listening.curator)
    with django_assert_max_num_queries(MOST_QUERIES):
        client.get(reverse("submission", args=("dogs", listening.told.submission_id)))
