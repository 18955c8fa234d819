"""Pages answer to those with a role, in at most ten queries whatever the number of rows."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from curation.domain.sentences import sentence, stored
from curation.models import ImportRun, Job, JobState, Role, User
from curation.selectors.words import TOLD
from curation.services.summaries import refresh_summary
from tests.factories.rows import (
    make_annotation,
    make_clip,
    make_dataset,
    make_member,
    make_participant,
    make_submission,
    make_user,
)
from tests.factories.world import World, make_world

pytestmark = pytest.mark.django_db

PLACES = ["/", "/d/scenes/", "/d/scenes/clips/", "/d/scenes/submissions/", "/d/scenes/jobs/"]
MOST_QUERIES = 10


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def queries(client: Client, place: str) -> int:
    client.get(place)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(place).status_code == 200
    return len(captured)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("role", ["operator", "curator"])
def test_a_page_takes_at_most_ten_queries_whatever_the_rows(place: str, role: str) -> None:
    world = make_world(clips_per_category=1)
    user = getattr(world, role)
    make_participant(world.dataset, user=user)  # as whoever has once opened the page to vote or rate
    make_member(world.dataset, Role.PARTICIPANT, user=user)
    refresh_summary(dataset=world.dataset)
    client = client_of(user)
    few = queries(client, place)
    _grow(world)
    refresh_summary(dataset=world.dataset)
    many = queries(client, place)
    assert many == few
    assert many <= MOST_QUERIES


def _grow(world: World) -> None:
    for category in world.categories * 4:
        make_submission(world.dataset, category=category)
        make_annotation(make_clip(world.dataset), category)
    for number in range(20):
        Job.objects.create(kind="segment", dataset=world.dataset, key=f"more-{number}")


def test_the_dataset_page_shows_every_stage(client: Client) -> None:
    world = make_world()
    refresh_summary(dataset=world.dataset)
    client.force_login(world.curator)
    page = client.get("/d/scenes/")
    lines = {line["stage"].name: line["stage"].passed for line in page.context["stages"]}
    assert lines == {
        "recorded": 24, "checked": 16, "accepted": 8, "clips": 24, "rated": 18, "settled": 12, "releases": 0,
    }  # fmt: skip
    assert list(lines) == ["recorded", "checked", "accepted", "clips", "rated", "settled", "releases"]


def test_a_dataset_never_counted_asks_for_counts(client: Client) -> None:
    world = make_world()
    client.force_login(world.curator)
    page = client.get("/d/scenes/")
    assert page.context["stale"]
    assert client.post("/d/scenes/summary/", headers={"accept": "application/json"}).json() == {"fresh": True}
    assert not client.get("/d/scenes/").context["stale"]


@pytest.mark.parametrize("place", PLACES[1:])
def test_a_stranger_sees_no_dataset(client: Client, place: str) -> None:
    make_world()
    client.force_login(make_user())
    page = client.get(place)
    assert page.status_code == 404
    assert b"scenes" not in page.content.replace(place.encode(), b"")


@pytest.mark.parametrize("place", PLACES)
def test_nobody_sees_a_page_without_signing_in(client: Client, place: str) -> None:
    make_world()
    assert client.get(place).url.startswith("/accounts/login/")


@pytest.mark.parametrize("role", ["annotator", "participant"])
def test_jobs_and_imports_are_for_those_who_run_the_dataset(client: Client, role: str) -> None:
    world = make_world()
    client.force_login(getattr(world, role))
    assert client.get("/d/scenes/jobs/").status_code == 404
    assert client.get("/d/scenes/jobs/running.json").status_code == 404
    assert b"recordings_2026-11.csv" not in client.get("/d/scenes/").content


def test_the_pill_keeps_the_number_of_jobs_apart_from_their_progress(client: Client) -> None:
    world = make_world()
    Job.objects.all().delete()
    Job.objects.create(kind="export", dataset=world.dataset, key="x", progress_done=0, progress_total=10)
    client.force_login(world.curator)
    pill = re.search(r'id="job-pill".*?</a>', client.get("/d/scenes/").content.decode(), re.DOTALL)
    assert pill is not None
    assert "1 · 0 %" in " ".join(re.sub(r"<[^>]+>", " ", pill.group()).split())


@pytest.mark.parametrize(
    ("language", "told", "where"),
    [("en", "1,204 refused", "stand in"), ("ko", "1,204개 거부됨", "해결 방법은")],
)
def test_a_job_that_refused_rows_is_not_plainly_done(client: Client, language: str, told: str, where: str) -> None:
    world = make_world()
    Job.objects.all().delete()
    result = {"stored": 3, "refused": 1_204, "refused_list": "in/dogs.refused.csv", "refusals": []}
    for key, state, refused in (
        ("x", JobState.DONE, result),
        ("y", JobState.DONE, {**result, "refused": 0, "refused_list": ""}),
        ("z", JobState.QUEUED, result),  # asked for again, it keeps what it had found
    ):
        Job.objects.create(kind="import-clips", dataset=world.dataset, key=key, state=state, result=refused)
    client.force_login(world.curator)
    client.cookies["django_language"] = language
    for place in ("/d/scenes/", "/d/scenes/jobs/"):
        page = client.get(place).content.decode()
        assert page.count(told) == 1, place
    assert where in page
    assert page.count("in/dogs.refused.csv") == 1


def test_the_list_says_what_went_wrong_in_the_language_of_the_reader(client: Client) -> None:
    world = make_world()
    said = sentence("Line 1 is empty.")
    checkpoint = {TOLD: stored([said])}
    Job.objects.create(
        kind="import-clips",
        dataset=world.dataset,
        key="x",
        state=JobState.FAILED,
        error=str(said),
        checkpoint=checkpoint,
    )
    client.force_login(world.curator)
    for language, told in (("en", "Line 1 is empty."), ("ko", "첫 번째 줄이 비어 있습니다.")):
        client.cookies["django_language"] = language
        assert told in client.get("/d/scenes/jobs/").content.decode()


def test_commands_are_for_those_who_run_the_dataset(client: Client) -> None:
    world = make_world()  # its split is old
    refresh_summary(dataset=world.dataset)
    undivided = make_dataset("undivided")
    for role, told in ((Role.CURATOR, True), (Role.ANNOTATOR, False), (Role.PARTICIPANT, False)):
        for dataset in (world.dataset, undivided):
            client.force_login(make_member(dataset, role))
            assert (b"manage.py split" in client.get(f"/d/{dataset.slug}/").content) == told, (role, dataset)


def test_refused_rows_are_those_of_the_newest_import_of_each_file(client: Client) -> None:
    world = make_world()
    client.force_login(world.curator)

    def refused(name: str, digit: str, rows: int) -> list[int]:
        ImportRun.objects.create(
            dataset=world.dataset, kind="recordings", file_name=name, file_sha256=digit * 64, refused=rows
        )
        refresh_summary(dataset=world.dataset)
        return [note.count for note, _ in client.get("/d/scenes/").context["stages"][0]["notes"]]

    assert refused("more.csv", "2", 4) == [3 + 4]
    assert b"<code>more.refused.csv</code>" in client.get("/d/scenes/").content
    assert refused("more.csv", "3", 0) == [3]
    assert refused("recordings_2026-11.csv", "4", 0) == []


def test_the_bar_leads_each_role_to_its_places(client: Client) -> None:
    world = make_world()
    seen = {}
    for role in ("participant", "annotator", "curator"):
        client.force_login(getattr(world, role))
        seen[role] = [place.name for place in client.get("/d/scenes/").context["places"]]
    assert seen == {
        "participant": ["dataset", "submissions", "clips"],
        "annotator": ["dataset", "vote", "rate", "clips"],
        "curator": ["dataset", "submissions", "clips", "verification", "jobs"],
    }


def test_only_who_runs_the_dataset_is_led_to_clips_by_their_state(client: Client) -> None:
    world = make_world()
    refresh_summary(dataset=world.dataset)
    for role, led in (("curator", True), ("annotator", False), ("participant", False)):
        client.force_login(getattr(world, role))
        page = client.get("/d/scenes/").content.decode()
        for link in ("/d/scenes/clips/?state=settled", "/d/scenes/clips/?state=rated", "&amp;state=undecided"):
            assert (link in page) == led, (role, link)


def test_a_participant_lists_only_own_recordings(client: Client) -> None:
    world = make_world()
    client.force_login(world.participant)
    codes = {row.participant.user for row in client.get("/d/scenes/submissions/").context["page"].rows}
    assert codes == {world.participant}
    assert {row.participant.user for row in client.get("/d/scenes/clips/").context["page"].rows} == {world.participant}


def test_lists_are_narrowed_by_state_category_and_start(client: Client) -> None:
    world = make_world()
    client.force_login(world.curator)
    one = world.submissions[0]
    found = client.get("/d/scenes/submissions/", {"q": one.external_id}).context["page"].rows
    assert found == [one]
    rows = client.get("/d/scenes/submissions/", {"state": "accepted"}).context["page"].rows
    assert {row.state for row in rows} == {"accepted"}
    category = world.categories[0]
    clips = client.get("/d/scenes/clips/", {"category": category.pk, "state": "settled"}).context["page"].rows
    assert len(clips) == 2
    assert all(clip.labels[0].category == category for clip in clips)


@pytest.mark.parametrize(
    "filters", [{"cursor": "x"}, {"category": "9" * 30}, {"state": "?"}, {"cursor": "-1"}, {"q": "\x00"}]
)
@pytest.mark.parametrize("place", PLACES[2:])
def test_senseless_filters_are_passed_over(client: Client, place: str, filters: dict[str, str]) -> None:
    world = make_world(clips_per_category=1)
    client.force_login(world.curator)
    assert client.get(place, filters).status_code == 200


def test_a_long_list_is_read_page_by_page_without_gap_or_repeat(client: Client) -> None:
    world = make_world(clips_per_category=20)
    client.force_login(world.curator)
    seen, cursor = [], ""
    while True:
        page = client.get("/d/scenes/clips/", {"cursor": cursor} if cursor else {}).context["page"]
        seen += [clip.pk for clip in page.rows]
        cursor = page.next_cursor
        if not cursor:
            break
    assert seen == sorted(clip.pk for clip in world.clips)


def test_home_says_what_to_do_without_datasets(client: Client) -> None:
    client.force_login(make_user("alone@example.org"))
    assert b"alone@example.org" in client.get("/").content
    client.force_login(make_user(is_superuser=True))
    assert b"create_dataset" in client.get("/").content


def test_sign_up_is_closed_by_default(client: Client) -> None:
    assert b"By invitation only" in client.get("/accounts/signup/").content


def test_a_form_without_token_says_what_to_do() -> None:
    client = Client(enforce_csrf_checks=True)
    page = client.post("/accounts/login/", {"login": "a@example.org", "password": "x"})
    assert page.status_code == 403
    assert b"The form is out of date" in page.content


def test_the_theme_cookie_is_rendered_and_nothing_else_is_let_in(client: Client) -> None:
    client.cookies["theme"] = "dark"
    assert b'data-theme="dark"' in client.get("/accounts/login/").content
    client.cookies["theme"] = "x onload=alert(1)"
    assert b"data-theme=" not in client.get("/accounts/login/").content


def test_pages_carry_no_inline_script_or_style(client: Client) -> None:
    world = make_world()
    refresh_summary(dataset=world.dataset)
    client.force_login(world.operator)
    for place in PLACES:
        content = client.get(place).content
        assert b"style=" not in content
        assert b"<style" not in content
        assert b"onclick=" not in content


def test_an_empty_dataset_names_the_commands(client: Client) -> None:
    make_dataset("empty")
    client.force_login(make_user(is_superuser=True))
    for place, command in (("", b"import_clips"), ("clips/", b"segment"), ("submissions/", b"import_recordings")):
        assert command in client.get(f"/d/empty/{place}").content


@pytest.mark.parametrize("role", [Role.ANNOTATOR, Role.PARTICIPANT])
def test_an_empty_dataset_shows_no_command_to_those_who_cannot_run_it(client: Client, role: str) -> None:
    client.force_login(make_member(make_dataset("empty"), role))
    for place in ("", "clips/", "submissions/"):
        assert b"manage.py" not in client.get(f"/d/empty/{place}").content


def test_each_number_of_the_pipeline_leads_to_the_rows_it_counts(client: Client) -> None:
    world = make_world()
    refresh_summary(dataset=world.dataset)
    client.force_login(world.curator)
    lines = client.get("/d/scenes/").context["stages"]
    numbers = [(line["stage"].passed, line["url"]) for line in lines]
    numbers += [(note.count, url) for line in lines for note, url in line["notes"]]
    leading = [(count, url) for count, url in numbers if url and "#" not in url]
    assert len(leading) == 11
    for count, url in leading:
        assert len(client.get(url).context["page"].rows) == count, url


def test_a_participant_is_led_only_to_own_rows(client: Client) -> None:
    world = make_world()
    refresh_summary(dataset=world.dataset)
    client.force_login(world.participant)
    page = client.get("/d/scenes/")
    assert not any(line["url"] or any(url for _, url in line["notes"]) for line in page.context["stages"])
    own = page.context["own"]
    assert own.submissions == own.undecided + own.accepted + own.rejected > 0
    assert own.submissions == len(client.get("/d/scenes/submissions/").context["page"].rows)
    assert own.clips == len(client.get("/d/scenes/clips/").context["page"].rows)


def test_the_icon_is_found_where_browsers_look_for_it(client: Client) -> None:
    assert client.get("/favicon.ico").url.endswith("favicon.svg")


def test_a_split_older_than_the_labels_says_so(client: Client) -> None:
    world = make_world()
    refresh_summary(dataset=world.dataset)
    client.force_login(world.curator)
    page = client.get("/d/scenes/")
    assert page.context["split_age"]["changed"]
    assert b"after this split" in page.content
