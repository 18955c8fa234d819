"""Lists of the API: what they show, to whom, in how many queries."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from annotate.models import Rating
from annotate.services.ratings import record_rating
from curation.domain.policy import Policy
from curation.models import (
    CandidateAnnotation,
    Dataset,
    DatasetPolicy,
    Job,
    Release,
    Role,
    Split,
    SplitAssignment,
    SubmissionState,
    User,
)
from curation.services.exports import export_dataset
from tests.factories.exports import make_exportable
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
from validate.models import Vote

pytestmark = pytest.mark.django_db

LISTS = (
    "datasets",
    "categories",
    "participants",
    "tasks",
    "submissions",
    "clips",
    "annotations",
    "votes",
    "ratings",
    "splits",
    "split-assignments",
    "releases",
    "jobs",
)


def client_of(user: User) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {Token.objects.get_or_create(user=user)[0].key}")
    return client


def fill(dataset: Dataset, rows: int) -> None:
    """Add `rows` of everything that lists show."""
    for _ in range(rows):
        category = make_category(dataset)
        person = make_participant(dataset, user=make_user())
        submission = make_submission(dataset, category=category, participant=person)
        Vote.objects.create(
            submission=submission,
            voter=make_participant(dataset, user=make_user()),
            gain=True,
            privacy=True,
            acoustic_cue=False,
            position=1,
            source="web",
        )
        annotation = make_annotation(make_clip(dataset, participant=person), category)
        Rating.objects.create(annotation=annotation, annotator=make_participant(dataset), presence="PP", source="web")
        number = dataset.splits.count() + 1
        split = Split.objects.create(
            dataset=dataset, number=number, method="greedy", parameters={}, manifest_sha256="0" * 64, table={}
        )
        SplitAssignment.objects.create(split=split, participant=person, subset="train")
        Release.objects.create(
            dataset=dataset,
            version=f"{number}.0",
            policy=DatasetPolicy.objects.get(dataset=dataset),
            split=split,
            manifest=[],
            manifest_sha256="0" * 64,
        )
        Job.objects.create(kind="segment", dataset=dataset, key=str(number))


def queries_of(client: APIClient, address: str) -> tuple[int, list[dict[str, Any]]]:
    with CaptureQueriesContext(connection) as captured:
        response = client.get(address)
    assert response.status_code == 200, response.content
    return len(captured), response.json()["results"]


@pytest.mark.parametrize("name", LISTS)
def test_number_of_queries_does_not_depend_on_rows(name: str) -> None:
    dataset = make_dataset()
    client = client_of(make_member(dataset, Role.CURATOR))
    fill(dataset, 1)
    few, rows = queries_of(client, f"/api/{name}/")
    assert rows
    fill(dataset, 4)
    many, more = queries_of(client, f"/api/{name}/")
    assert len(more) >= len(rows)
    assert many == few <= 10


@pytest.mark.parametrize("name", LISTS)
def test_lists_are_paged(name: str) -> None:
    dataset = make_dataset()
    client = client_of(make_member(dataset, Role.CURATOR))
    fill(dataset, 2)
    answer = client.get(f"/api/{name}/?page_size=1").json()
    assert len(answer["results"]) == 1
    if name != "datasets":
        assert answer["next"]


@pytest.mark.parametrize("name", LISTS)
def test_strangers_see_nothing_and_the_anonymous_are_asked_to_sign_in(name: str) -> None:
    fill(make_dataset(), 1)
    assert APIClient().get(f"/api/{name}/").status_code == 401
    assert client_of(make_user()).get(f"/api/{name}/").json()["results"] == []


@pytest.mark.parametrize("name", LISTS)
def test_no_list_shows_an_e_mail_address_or_a_storage_key(name: str) -> None:
    dataset = make_dataset()
    fill(dataset, 1)
    text = json.dumps(client_of(make_member(dataset, Role.CURATOR)).get(f"/api/{name}/").json())
    assert "@example.org" not in text
    assert "originals/" not in text
    assert "clips/1" not in text.replace("/media/clips/1", "").replace("/api/clips/1", "")


def test_annotator_sees_undecided_submissions_of_others_alone() -> None:
    dataset = make_dataset()
    annotator = make_member(dataset, Role.ANNOTATOR)
    mine = make_participant(dataset, user=annotator)
    waiting = make_submission(dataset)
    make_submission(dataset, participant=mine)
    make_submission(dataset, state=SubmissionState.REJECTED)
    answer = client_of(annotator).get("/api/submissions/").json()["results"]
    assert [row["id"] for row in answer] == [waiting.pk]


def test_annotator_sees_own_ratings_alone() -> None:
    dataset = make_dataset()
    annotator = make_member(dataset, Role.ANNOTATOR)
    fill(dataset, 2)
    own = Rating.objects.create(
        annotation=make_annotation(make_clip(dataset)),
        annotator=make_participant(dataset, user=annotator),
        presence="U",
        source="web",
    )
    answer = client_of(annotator).get("/api/ratings/").json()["results"]
    assert [row["id"] for row in answer] == [own.pk]


def _settled(dataset: Dataset) -> CandidateAnnotation:
    annotation = make_annotation(make_clip(dataset))
    for _ in range(2):
        record_rating(annotation=annotation, annotator=make_participant(dataset), presence="PP", source="web")
    return annotation


def test_annotator_learns_what_became_of_a_claim_after_rating_it() -> None:
    dataset = make_dataset()
    user = make_member(dataset, Role.ANNOTATOR)
    client = client_of(user)
    rated, other = _settled(dataset), _settled(dataset)
    hidden = {"state": None, "consensus": None, "settled_at": None}
    for row in client.get("/api/annotations/").json()["results"]:
        assert {name: row[name] for name in hidden} == hidden
    record_rating(annotation=rated, annotator=make_participant(dataset, user=user), presence="U", source="web")
    rows = {row["id"]: row for row in client.get("/api/annotations/").json()["results"]}
    assert (rows[rated.pk]["state"], rows[rated.pk]["consensus"]) == ("settled", "PP")
    assert rows[rated.pk]["settled_at"]
    assert {name: rows[other.pk][name] for name in hidden} == hidden
    one = client.get(f"/api/annotations/{other.pk}/").json()
    assert {name: one[name] for name in hidden} == hidden


@pytest.mark.parametrize("narrowed", ["", "&dataset=scenes"])
def test_narrowing_by_state_tells_no_more_than_the_rows_do(narrowed: str) -> None:
    dataset = make_dataset("scenes")
    user = make_member(dataset, Role.ANNOTATOR)
    make_member(make_dataset(), Role.CURATOR, user)  # running another dataset opens nothing here
    client = client_of(user)
    rated, other = _settled(dataset), _settled(dataset)
    make_annotation(make_clip(dataset))
    record_rating(annotation=rated, annotator=make_participant(dataset, user=user), presence="U", source="web")

    def found(state: str) -> list[int]:
        _, rows = queries_of(client, f"/api/annotations/?state={state}{narrowed}")
        return [row["id"] for row in rows]

    assert (found("settled"), found("unrated"), found("undecided")) == ([rated.pk], [], [])
    assert client.get(f"/api/annotations/{other.pk}/?state=settled{narrowed}").status_code == 404
    assert client.get(f"/api/annotations/{other.pk}/?state=unrated{narrowed}").status_code == 404


@pytest.mark.parametrize("role", [Role.CURATOR, Role.ENGINEER])
def test_who_runs_the_dataset_sees_what_became_of_every_claim(role: Role) -> None:
    dataset = make_dataset()
    settled = _settled(dataset)
    operator = make_user(is_superuser=True)
    for client in (client_of(make_member(dataset, role)), client_of(operator)):
        (row,) = client.get(f"/api/annotations/?state=settled&dataset={dataset.slug}").json()["results"]
        assert (row["id"], row["state"], row["consensus"]) == (settled.pk, "settled", "PP")
        assert client.get("/api/annotations/?state=settled").json()["results"] == [row]


def test_annotations_take_as_many_queries_however_many_an_annotator_has_rated() -> None:
    dataset = make_dataset()
    user = make_member(dataset, Role.ANNOTATOR)
    client, mine = client_of(user), make_participant(dataset, user=user)
    counts = []
    for rows in (1, 4):
        for _ in range(rows):
            record_rating(annotation=_settled(dataset), annotator=mine, presence="PP", source="web")
        counts.append([queries_of(client, f"/api/annotations/{query}")[0] for query in ("", "?state=settled")])
    assert counts[0] == counts[1]
    assert max(counts[1]) <= 10


def test_participants_and_splits_are_for_those_who_run_the_dataset() -> None:
    dataset = make_dataset()
    fill(dataset, 1)
    client = client_of(make_member(dataset, Role.ANNOTATOR))
    for name in ("participants", "splits", "split-assignments", "releases", "jobs"):
        assert client.get(f"/api/{name}/").json()["results"] == []


def test_one_dataset_shows_its_policy() -> None:
    dataset = make_dataset(segment_s=5.0)
    answer = client_of(make_member(dataset, Role.PARTICIPANT)).get(f"/api/datasets/{dataset.slug}/").json()
    assert Policy.from_document(answer["policy"]["document"]).segment_s == 5.0
    assert answer["policy"]["version"] == 1


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("clips", "category=Bus"),
        ("annotations", "category=Bus"),
        ("categories", "name=Bus"),
        ("annotations", "state=unrated&category=Bus"),
        ("submissions", "category=Bus&state=undecided"),
        ("tasks", "category=Bus"),
    ],
)
def test_lists_narrow_by_allowed_columns(name: str, query: str) -> None:
    dataset = make_dataset()
    bus = make_category(dataset, "Bus")
    make_annotation(make_clip(dataset), bus)
    make_annotation(make_clip(dataset))
    make_submission(dataset, category=bus)
    make_submission(dataset)
    client = client_of(make_member(dataset, Role.CURATOR))
    assert len(client.get(f"/api/{name}/?dataset={dataset.slug}&{query}").json()["results"]) == 1
    assert client.get(f"/api/{name}/?dataset=other").json()["results"] == []


def test_releases_narrow_by_dataset_and_version(tmp_path: Path) -> None:
    dataset = make_exportable()
    for version in ("1.0", "1.1"):
        export_dataset(dataset=dataset, target=tmp_path / f"{version}.zip", version=version)
    client = client_of(make_member(dataset, Role.CURATOR))
    for query, versions in (
        ("dataset=" + dataset.slug, ["1.0", "1.1"]),
        ("version=1.1", ["1.1"]),
        ("dataset=other", []),
    ):
        assert [row["version"] for row in client.get(f"/api/releases/?{query}").json()["results"]] == versions


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("unknown", ["foo", "participant__user__password__regex", "datasets"])
def test_a_parameter_that_a_list_does_not_take_is_refused(name: str, unknown: str) -> None:
    client = client_of(make_member(make_dataset(), Role.CURATOR))
    answer = client.get(f"/api/{name}/?page_size=5&{unknown}=x")
    assert answer.status_code == 400
    assert list(answer.json()) == [unknown]
    assert "page_size" in answer.json()[unknown][0]


@pytest.mark.parametrize("name", LISTS)
def test_every_parameter_that_a_refusal_names_is_taken(name: str) -> None:
    client = client_of(make_member(make_dataset(), Role.CURATOR))
    (message,) = client.get(f"/api/{name}/?foo=1").json()["foo"]
    for known in message.partition("Known: ")[2].rstrip(".").split(", "):
        value = "json" if known == "format" else "1"
        assert "no such parameter" not in client.get(f"/api/{name}/?{known}={value}").content.decode()
    assert client.get(f"/api/{name}/?format=json&page_size=1").status_code == 200


@pytest.mark.parametrize("size", ["", "abc", "0", "-1", "1.5", "1001", "5000", "9" * 30, "\u0663"])
def test_a_page_size_that_cannot_be_used_is_refused(size: str) -> None:
    client = client_of(make_member(make_dataset(), Role.CURATOR))
    answer = client.get("/api/clips/", {"page_size": size})
    assert answer.status_code == 400
    assert "from 1 to 1000" in answer.json()["page_size"][0]


def test_what_is_not_found_is_told_without_names_of_the_program() -> None:
    client = client_of(make_member(make_dataset(), Role.CURATOR))
    for language, words in (("en", "your roles do not open it"), ("ko", "역할")):
        answer = client.get("/api/clips/99/", headers={"accept-language": language})
        assert answer.status_code == 404
        assert words in answer.json()["detail"]
        assert "Clip" not in answer.json()["detail"]


def test_quality_estimates_are_not_narrowed() -> None:
    dataset = make_dataset()
    client = client_of(make_member(dataset, Role.CURATOR))
    address = f"/api/datasets/{dataset.slug}/quality/"
    assert client.get(address).status_code == 200
    assert "Known: format." in client.get(f"{address}?category=Bus").json()["category"][0]
