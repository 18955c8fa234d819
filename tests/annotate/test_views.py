from __future__ import annotations

import json
import re

import pytest
from django.http import HttpResponse
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from annotate.models import Rating
from curation.models import CandidateAnnotation, Clip, Dataset, Role, User
from tests.factories.rows import make_annotation, make_category, make_clip, make_dataset, make_member, make_user

pytestmark = pytest.mark.django_db
MOST_QUERIES = 10


@pytest.fixture
def dataset() -> Dataset:
    return make_dataset("dogs")


@pytest.fixture
def annotator(dataset: Dataset) -> User:
    return make_member(dataset, Role.ANNOTATOR)


@pytest.fixture
def client(annotator: User) -> Client:
    client = Client()
    client.force_login(annotator)
    return client


@pytest.fixture
def annotations(dataset: Dataset) -> list[CandidateAnnotation]:
    bark = make_category(dataset, "Dog bark")
    return [make_annotation(make_clip(dataset), bark) for _ in range(4)]


def _asked(response: HttpResponse) -> int | None:
    found = re.search(r'name="annotation"\s+value="(\d+)"', response.content.decode())
    return int(found[1]) if found else None


def _send(client: Client, annotation: CandidateAnnotation, presence: str, **more: str) -> HttpResponse:
    return client.post("/d/dogs/rate/", {"annotation": annotation.pk, "presence": presence, **more})  # type: ignore[return-value]


def test_an_answer_is_stored_and_leads_to_the_next(client: Client, annotations: list[CandidateAnnotation]) -> None:
    assert _asked(client.get("/d/dogs/rate/")) == annotations[0].pk
    response = _send(client, annotations[0], "PNP")
    assert (response.status_code, response["Location"]) == (302, "/d/dogs/rate/")
    rating = Rating.objects.get()
    assert (rating.presence, rating.source, rating.annotation) == ("PNP", "web", annotations[0])
    assert "@" not in rating.annotator.code
    assert _asked(client.get("/d/dogs/rate/")) == annotations[1].pk


def test_the_script_gets_the_next_turn_in_one_round_trip(
    client: Client, annotations: list[CandidateAnnotation]
) -> None:
    response = client.post(
        "/d/dogs/rate/",
        {"annotation": annotations[0].pk, "presence": "U"},
        headers={"x-earmark-turn": "1"},
    )
    assert (response.status_code, _asked(response)) == (200, annotations[1].pk)  # type: ignore[arg-type]
    assert Rating.objects.get().presence == "U"


def test_an_answer_sent_twice_counts_once(client: Client, annotations: list[CandidateAnnotation]) -> None:
    for presence in ("PP", "PP", "NP"):
        assert _send(client, annotations[0], presence).status_code == 302
    assert Rating.objects.get().presence == "PP"
    assert "was not stored" in client.get("/d/dogs/rate/").content.decode()


@pytest.mark.parametrize("presence", ["", "XX", "pp"])
def test_without_an_answer_the_same_clip_is_asked_again(
    client: Client, annotations: list[CandidateAnnotation], presence: str
) -> None:
    response = _send(client, annotations[2], presence)
    assert response.status_code == 422
    assert _asked(response) == annotations[2].pk
    assert 'class="bad"' in response.content.decode()
    assert not Rating.objects.exists()


@pytest.mark.parametrize("number", ["", "abc", "0", "-1", "9" * 30])
@pytest.mark.usefixtures("annotations")
def test_a_form_without_a_clip_stores_nothing(client: Client, number: str) -> None:
    response = client.post("/d/dogs/rate/", {"annotation": number, "presence": "PP"})
    assert response.status_code == 422
    assert not Rating.objects.exists()
    assert client.post("/d/dogs/rate/", {"skip": number}).status_code in {302, 422}


def test_clips_of_other_datasets_cannot_be_rated(client: Client, annotator: User) -> None:
    elsewhere = make_dataset()
    make_member(elsewhere, Role.ANNOTATOR, annotator)
    foreign = make_annotation(make_clip(elsewhere))
    assert _send(client, foreign, "PP").status_code == 404
    assert not Rating.objects.exists()


def test_what_is_put_aside_comes_back_when_asked_for(client: Client, annotations: list[CandidateAnnotation]) -> None:
    for annotation in annotations:
        client.post("/d/dogs/rate/", {"skip": annotation.pk})
    page = client.get("/d/dogs/rate/")
    assert _asked(page) is None
    assert "You put 4 aside." in page.content.decode()
    client.post("/d/dogs/rate/", {"again": "1"})
    assert _asked(client.get("/d/dogs/rate/")) == annotations[0].pk
    assert not Rating.objects.exists()


def test_what_was_put_aside_and_then_rated_no_longer_counts(
    client: Client, annotations: list[CandidateAnnotation]
) -> None:
    for annotation in annotations[:2]:
        client.post("/d/dogs/rate/", {"skip": annotation.pk})
    for annotation in annotations[1:]:
        _send(client, annotation, "PP")
    assert "You put 1 aside." in client.get("/d/dogs/rate/").content.decode()
    _send(client, annotations[0], "PP")
    page = client.get("/d/dogs/rate/").content.decode()
    assert "You put" not in page
    assert 'name="again"' not in page


def test_what_was_put_aside_in_another_category_does_not_count_here(
    client: Client, dataset: Dataset, annotations: list[CandidateAnnotation]
) -> None:
    client.post("/d/dogs/rate/", {"skip": annotations[0].pk})
    empty = make_category(dataset, "Rain")
    assert 'name="again"' not in client.get(f"/d/dogs/rate/?category={empty.pk}").content.decode()


def test_the_address_can_narrow_the_work_to_a_category(client: Client, dataset: Dataset) -> None:
    make_annotation(make_clip(dataset), make_category(dataset, "Cat"))
    wanted = make_annotation(make_clip(dataset), make_category(dataset, "Rain"))
    address = f"/d/dogs/rate/?category={wanted.category_id}"
    assert _asked(client.get(address)) == wanted.pk
    response = client.post(address, {"annotation": wanted.pk, "presence": "PP"})
    assert response["Location"] == address
    assert _asked(client.get(address)) is None
    assert client.get("/d/dogs/rate/?category=99999999").status_code == 404
    assert client.get("/d/dogs/rate/?category=x").status_code == 200


def test_the_page_names_what_comes_next_but_not_the_clip(
    client: Client, annotations: list[CandidateAnnotation]
) -> None:
    Clip.objects.filter(pk=annotations[0].clip_id).update(name="dog_bark_for_sure.wav")
    page = client.get("/d/dogs/rate/").content.decode()
    assert "dog_bark_for_sure" not in page
    upcoming = json.loads(re.search(r'id="upcoming" type="application/json">(.*?)</script>', page)[1])  # type: ignore[index]
    assert [one["audio_url"] for one in upcoming] == [
        f"/media/clips/{annotation.clip_id}.flac" for annotation in annotations[1:3]
    ]


def test_an_empty_page_says_what_is_next(client: Client) -> None:
    assert "All rated" in client.get("/d/dogs/rate/").content.decode()


def test_only_annotators_rate(dataset: Dataset, annotations: list[CandidateAnnotation]) -> None:
    def status(user: User | None) -> int:
        client = Client()
        if user:
            client.force_login(user)
        answers = {client.get("/d/dogs/rate/").status_code, _send(client, annotations[0], "PP").status_code}
        assert len(answers) == 1
        return answers.pop()

    assert status(None) == 302  # to sign in
    assert status(make_user()) == 404
    for role in (Role.PARTICIPANT, Role.CURATOR, Role.ENGINEER):
        assert status(make_member(dataset, role)) == 403
    assert not Rating.objects.exists()


def test_the_page_takes_at_most_ten_queries(
    client: Client, annotations: list[CandidateAnnotation], django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    _send(client, annotations[0], "PP")
    with django_assert_max_num_queries(MOST_QUERIES):
        client.get("/d/dogs/rate/")
