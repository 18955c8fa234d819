"""Every address of the product, asked for by everybody: nobody gets what is not theirs.

The table names each address. One that is added and not entered here fails the first test.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import URLResolver, get_resolver
from pytest_django import Settings
from rest_framework.authtoken.models import Token

from annotate.models import Rating
from curation.models import Dataset, Job, Participant, Role, Split, SplitAssignment, User
from curation.models.release import Release
from curation.registry import job_kinds
from curation.selectors.policies import current_policy
from ml.models import AcceptanceEvent, VerificationRun
from tests.factories.manifests import write_manifest
from tests.factories.rows import (
    make_annotation,
    make_category,
    make_dataset,
    make_member,
    make_participant,
    make_user,
)
from tests.factories.sounds import make_sounding_clip, make_sounding_submission
from tests.factories.verification_rows import make_finished_run
from validate.models import Vote

pytestmark = pytest.mark.django_db

PEOPLE = ("nobody", "stranger", "participant", "owner", "annotator", "engineer", "curator", "operator")
Codes = tuple[int, int, int, int, int, int, int, int]  # in the order of PEOPLE

ALL: Codes = (302, 404, 200, 200, 200, 200, 200, 200)
OWN: Codes = (302, 404, 404, 200, 200, 200, 200, 200)
RUN: Codes = (302, 404, 404, 404, 404, 200, 200, 200)
ACTS = ("cancel", "resume", "choose", "unchoose", "accept", "undo")  # on a run
LED_BACK: Codes = (302, 404, 404, 404, 404, 302, 302, 302)
JUDGE: Codes = (302, 404, 403, 403, 200, 403, 403, 200)
HEAR: Codes = (403, 404, 404, 200, 200, 200, 200, 200)
API_LIST: Codes = (401, 200, 200, 200, 200, 200, 200, 200)
API_ALL: Codes = (401, 404, 200, 200, 200, 200, 200, 200)
API_OWN: Codes = (401, 404, 404, 200, 200, 200, 200, 200)
API_RUN: Codes = (401, 404, 404, 404, 404, 200, 200, 200)
API_JUDGEMENT = API_RUN  # it is somebody else's; people see their own (tests/curation/api/test_writes.py)

PAGES: dict[str, Codes] = {
    "/": (302, 200, 200, 200, 200, 200, 200, 200),
    "/favicon.ico": (302,) * 8,
    "/token/": (302, 200, 200, 200, 200, 200, 200, 200),
    "/d/{slug}/": ALL,
    "/d/{slug}/submissions/": ALL,
    "/d/{slug}/submissions/{submission}/": OWN,
    "/d/{slug}/clips/": ALL,
    "/d/{slug}/clips/{clip}/": OWN,
    "/d/{slug}/jobs/": RUN,
    "/d/{slug}/jobs/running.json": RUN,
    "/d/{slug}/summary/": (405, 405, 405, 405, 405, 405, 405, 405),
    "/d/{slug}/vote/": JUDGE,
    "/d/{slug}/rate/": JUDGE,
    "/d/{slug}/verification/": RUN,
    "/d/{slug}/verification/compare/": RUN,
    "/d/{slug}/verification/{run}/": RUN,
    **{f"/d/{{slug}}/verification/{word}/": LED_BACK for word in ("estimate", *(f"{{run}}/{act}" for act in ACTS))},
    "/media/clips/{clip}.flac": HEAR,
    "/media/clips/{clip}.webp": HEAR,
    "/media/clips/{clip}.json": HEAR,
    "/media/submissions/{submission}.flac": HEAR,
    "/media/submissions/{submission}.webp": HEAR,
    "/media/submissions/{submission}.json": HEAR,
    "/api/": API_LIST,
    "/api/nothing/": (404, 404, 404, 404, 404, 404, 404, 404),
    "/api/schema/": (200, 200, 200, 200, 200, 200, 200, 200),
    **{
        f"/api/{name}/": API_LIST
        for name in (
            *("datasets", "categories", "participants", "tasks", "submissions", "clips", "annotations"),
            *("splits", "split-assignments", "releases", "jobs", "votes", "ratings"),
        )
    },
    "/api/datasets/{slug}/": API_ALL,
    "/api/datasets/{slug}/quality/": API_ALL,
    "/api/datasets/{slug}/verification-runs/": API_RUN,
    "/api/datasets/{slug}/verification-runs/{run}/": API_RUN,
    "/api/datasets/{slug}/verification-trunks/": API_RUN,
    "/api/datasets/{slug}/verification-runs/{run}/predictions/": API_RUN,
    **{
        f"/api/datasets/{{slug}}/verification-runs/{{run}}/{word}/": (401, 405, 405, 405, 405, 405, 405, 405)
        for word in ACTS
    },
    "/api/categories/{category}/": API_ALL,
    "/api/participants/{person}/": API_RUN,
    "/api/tasks/{task}/": API_ALL,
    "/api/submissions/{submission}/": API_OWN,
    "/api/clips/{clip}/": API_OWN,
    "/api/annotations/{annotation}/": API_OWN,
    "/api/splits/{split}/": API_RUN,
    "/api/releases/{release}/": API_RUN,
    "/api/jobs/{job}/": API_RUN,
    "/api/jobs/{job}/cancel/": (401, 405, 405, 405, 405, 405, 405, 405),
    "/api/votes/{vote}/": API_JUDGEMENT,
    "/api/ratings/{rating}/": API_JUDGEMENT,
}
WISHES: dict[str, Codes] = {  # background work, by kind
    "segment": (401, 404, 403, 403, 403, 202, 202, 202),
    # An import says what a dataset is: of labels that came verified nobody asks people any more.
    "import-clips": (401, 404, 403, 403, 403, 403, 202, 202),
    "import-taxonomy": (401, 404, 403, 403, 403, 403, 202, 202),
    **dict.fromkeys(("export", "summarise", "verify-order", "verify-accept"), (401, 404, 400, 400, 400, 400, 400, 400)),
}
SAID = {"import-clips": {"manifest": "in/clips.csv"}, "import-taxonomy": {"file": "in/clips.csv"}}
OTHERS = ("/operator/", "/accounts/", "/i18n/")  # libraries' own; below


@dataclass(frozen=True)
class Rows:
    """One dataset with one row of everything, and the people who ask."""

    people: dict[str, User | None]
    keys: dict[str, Any]

    def path(self, template: str) -> str:
        return template.format(**self.keys)


@pytest.fixture
def rows() -> Rows:
    dataset, elsewhere = make_dataset("scenes"), make_dataset("elsewhere")
    people: dict[str, User | None] = {
        "nobody": None,
        "stranger": make_user(),
        "participant": make_member(dataset, Role.PARTICIPANT),
        "owner": make_member(dataset, Role.PARTICIPANT),
        "annotator": make_member(dataset, Role.ANNOTATOR),
        "engineer": make_member(dataset, Role.ENGINEER),
        "curator": make_member(dataset, Role.CURATOR),
        "operator": make_user(is_superuser=True, is_staff=True),
    }
    for role in Role:  # who may do everything in another dataset may do nothing here
        make_member(elsewhere, role, people["stranger"])
    owner = make_participant(dataset, "owner", people["owner"])
    return Rows(people, {"slug": dataset.slug, **_fill(dataset, owner)})


def _fill(dataset: Dataset, owner: Participant) -> dict[str, Any]:
    category, other = make_category(dataset, "Bus"), make_participant(dataset, user=make_user())
    submission = make_sounding_submission(dataset, category=category, participant=owner, seconds=0.5)
    clip = make_sounding_clip(dataset, participant=owner, seed=7)
    annotation = make_annotation(clip, category)
    split = Split.objects.create(
        dataset=dataset, number=1, method="greedy", parameters={}, manifest_sha256="0" * 64, table={}
    )
    SplitAssignment.objects.create(split=split, participant=owner, subset="train")
    release = Release.objects.create(
        dataset=dataset, version="1.0", policy=current_policy(dataset), split=split, manifest=[], manifest_sha256="0"
    )
    vote = Vote.objects.create(
        submission=submission, voter=other, gain=True, privacy=True, acoustic_cue=True, position=1, source="web"
    )
    rating = Rating.objects.create(annotation=annotation, annotator=other, presence="PP", source="web")
    return {
        "submission": submission.pk,
        "clip": clip.pk,
        "category": category.pk,
        "person": owner.pk,
        "task": submission.task_id,
        "annotation": annotation.pk,
        "split": split.pk,
        "release": release.pk,
        "job": Job.objects.create(kind="segment", dataset=dataset, key="1").pk,
        "vote": vote.pk,
        "rating": rating.pk,
        "run": make_finished_run(dataset, {annotation: 0.9}).number,
    }


def ask(rows: Rows, who: str, path: str, method: str = "GET", body: dict[str, Any] | None = None) -> int:
    user, headers = rows.people[who], {}
    client = Client()
    if user is not None and path.startswith("/api/"):
        headers["Authorization"] = f"Token {Token.objects.get_or_create(user=user)[0].key}"
    elif user is not None:
        client.force_login(user)
    answer = client.generic(
        method, path, json.dumps(body) if body else "", content_type="application/json", headers=headers
    )
    if answer.streaming:
        list(answer)  # closes the file; answer.close() would close the test's database connection too
    return answer.status_code


def known_routes(resolver: URLResolver, prefix: str = "/") -> list[str]:
    found = []
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern).removeprefix("^").removesuffix("$").removesuffix(r"\Z")
        found += known_routes(pattern, route) if isinstance(pattern, URLResolver) else [route]
    return found


def test_table_names_every_address(rows: Rows) -> None:
    resolver = get_resolver()
    entered = {resolver.resolve(rows.path(path)).route for path in PAGES}
    own = {route for route in known_routes(resolver) if not route.startswith(OTHERS)}
    assert {route.replace("^", "").rstrip("$") for route in entered} == {
        route.removeprefix("/").replace("^", "").rstrip("$") for route in own
    }


@pytest.mark.parametrize("template", PAGES)
def test_everybody_gets_what_is_theirs(rows: Rows, template: str) -> None:
    found = tuple(ask(rows, who, rows.path(template)) for who in PEOPLE)
    assert dict(zip(PEOPLE, found, strict=True)) == dict(zip(PEOPLE, PAGES[template], strict=True))


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("template", PAGES)
def test_nothing_is_written_by_those_who_may_not(rows: Rows, template: str, method: str) -> None:
    before = _counts()
    for who in ("nobody", "stranger", "participant"):
        code = ask(rows, who, rows.path(template), method)
        if not (method == "POST" and template in {"/token/", "/d/{slug}/summary/"}):
            assert code in {302, 400, 401, 403, 404, 405}, who
    assert _counts() == before


def _counts() -> list[int]:
    judgements = (Vote, Rating, VerificationRun, AcceptanceEvent)
    return [model.objects.count() for model in (*judgements, Job, Split, SplitAssignment, Release, Dataset)]


@pytest.mark.parametrize("kind", WISHES)
def test_background_work_is_done_for_those_who_may_ask_for_it(
    rows: Rows, kind: str, tmp_path: Path, settings: Settings
) -> None:
    settings.ENV = replace(settings.ENV, import_dir=tmp_path)
    write_manifest(tmp_path / "in" / "clips.csv", [{"path": "a.wav"}])
    wish = {"kind": kind, "dataset": rows.keys["slug"], **SAID.get(kind, {})}
    found = tuple(ask(rows, who, "/api/jobs/", "POST", wish) for who in PEOPLE)
    assert dict(zip(PEOPLE, found, strict=True)) == dict(zip(PEOPLE, WISHES[kind], strict=True))


def test_nobody_without_the_role_learns_what_lies_in_the_folder_of_imports(
    rows: Rows, tmp_path: Path, settings: Settings
) -> None:
    settings.ENV = replace(settings.ENV, import_dir=tmp_path)
    wish = {"kind": "import-clips", "dataset": rows.keys["slug"], "manifest": "in/clips.csv"}
    missing = [ask(rows, who, "/api/jobs/", "POST", wish) for who in PEOPLE]
    write_manifest(tmp_path / "in" / "clips.csv", [{"path": "a.wav"}])
    there = [ask(rows, who, "/api/jobs/", "POST", wish) for who in PEOPLE]
    told = [who for who, before, after in zip(PEOPLE, missing, there, strict=True) if before != after]
    assert told == ["curator", "operator"]


def test_every_kind_that_people_may_ask_for_is_in_the_table() -> None:
    assert {kind.name for kind in job_kinds if kind.requested_by} <= set(WISHES)


@pytest.mark.parametrize("who", PEOPLE)
def test_operators_pages_are_the_operators(rows: Rows, who: str) -> None:
    code = ask(rows, who, "/operator/curation/user/")
    assert code == (200 if who == "operator" else 302)
