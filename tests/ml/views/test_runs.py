"""The page of label verification: who sees it, what it lists, and a new run."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from curation.models import Job, JobState, Role, User
from curation.services.summaries import refresh_summary
from ml.models import VerificationRun
from ml.selectors.estimates import ESTIMATE, latest_estimate
from ml.selectors.runs import FEATURES
from ml.services.trunk_files import file_digest
from tests.factories.rows import make_member, make_user
from tests.factories.trunks import write_trunk
from tests.factories.verification_rows import Verifiable, make_finished_run, make_run, make_verifiable, settle, work

pytestmark = pytest.mark.django_db
MOST_QUERIES = 10


@pytest.fixture
def world() -> Verifiable:
    return make_verifiable(each=1)


@pytest.fixture
def place(world: Verifiable) -> str:
    return f"/d/{world.dataset.slug}/verification/"


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize("role", [Role.CURATOR, Role.ENGINEER])
def test_those_who_run_the_dataset_see_it_and_the_bar_leads_there(world: Verifiable, place: str, role: Role) -> None:
    client = client_of(make_member(world.dataset, role))
    page = client.get(place)
    assert page.status_code == 200
    assert [one.name for one in page.context["places"] if one.current] == ["verification"]


@pytest.mark.parametrize("role", [Role.ANNOTATOR, Role.PARTICIPANT, None])
@pytest.mark.parametrize("rest", ["", "1/", "compare/"])
def test_to_others_it_does_not_exist(world: Verifiable, place: str, role: Role | None, rest: str) -> None:
    make_run(world.dataset)
    user = make_member(world.dataset, role) if role else make_user()
    assert client_of(user).get(place + rest).status_code == 404


@pytest.mark.parametrize("act", ["", "estimate/", "1/cancel/", "1/resume/", "1/accept/", "1/undo/"])
def test_others_can_do_nothing_there(world: Verifiable, place: str, act: str) -> None:
    make_run(world.dataset)
    client = client_of(make_member(world.dataset, Role.ANNOTATOR))
    assert client.post(place + act, {"recipe": "earmark"}).status_code == 404
    assert not Job.objects.exists()


@pytest.mark.parametrize("rest", ["", "1/", "compare/"])
def test_nobody_sees_it_without_signing_in(place: str, rest: str) -> None:
    assert Client().get(place + rest)["Location"].startswith("/accounts/login/")


def test_a_run_is_started_as_the_form_says(world: Verifiable, place: str) -> None:
    answer = client_of(world.curator).post(
        place, {"recipe": "dorfer", "precision": "0.95", "budget_minutes": "", "device": "cpu", "seed": "7"}
    )
    run = VerificationRun.objects.get()
    assert answer["Location"] == f"{place}1/"
    assert (run.recipe, run.precision, run.budget_minutes, run.device, run.seed) == ("dorfer", 0.95, None, "cpu", 7)
    assert run.created_by == world.curator
    assert Job.objects.get().kind == FEATURES


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("recipe", "guess"), ("precision", "2"), ("precision", "nan"), ("precision", ""), ("budget_minutes", "0"),
        ("budget_minutes", "inf"), ("device", "tpu"), ("seed", "-1"), ("seed", "9223372036854775808"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_is_refused_beside_its_field(
    world: Verifiable, place: str, field: str, value: str
) -> None:
    wish = {"recipe": "earmark", "precision": "0.99", "budget_minutes": "1", "device": "auto", "seed": "0"}
    answer = client_of(world.curator).post(place, wish | {field: value})
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert not VerificationRun.objects.exists()


def test_trunks_of_the_operators_folder_are_offered(
    world: Verifiable, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_of(world.curator)
    monkeypatch.setenv("EARMARK_TRUNK_DIR", str(tmp_path / "nowhere"))
    assert b"Pretrained trunks" not in client.get(place).content
    monkeypatch.setenv("EARMARK_TRUNK_DIR", str(tmp_path))
    write_trunk(tmp_path / "levels.pt")
    write_trunk(tmp_path / "silent.pt", description=None)
    (tmp_path / "notes.txt").write_text("no trunk")
    cost = {"seconds": 7200.0, "numbers": 3, "excerpts": 1_234}
    Job.objects.create(
        kind=ESTIMATE, dataset=world.dataset, key=world.dataset.slug, state=JobState.DONE,
        result={"recipes": {}, "trunks": {"levels.pt": cost}, "device": "cpu", "clips": 2},
    )  # fmt: skip

    page = client.get(place)

    assert [trunk.name for trunk in page.context["trunks"]] == ["levels.pt", "silent.pt"]
    text = " ".join(page.content.decode().split())
    assert "Hears 0.2 s at 8,000 Hz. Excerpts still to be heard: 1,234." in text
    assert "Trunk silent.pt: none stands beside it. Write one file silent.toml or silent.json" in text
    wish = {"recipe": "earmark", "precision": "0.99", "device": "cpu", "seed": "0"}
    for name in ("silent.pt", "../levels.pt", "notes.txt"):
        assert client.post(place, wish | {"trunks": [name]}).status_code == 422
    assert client.post(place, wish | {"trunks": ["levels.pt"]}).status_code == 302
    run = VerificationRun.objects.get()
    assert [(trunk["name"], trunk["digest"]) for trunk in run.trunks] == [
        ("levels.pt", file_digest(tmp_path / "levels.pt"))
    ]
    page = client.get(f"{place}{run.number}/").content.decode()
    assert "levels.pt" in page
    assert run.trunks[0]["digest"] in page


def test_a_second_run_at_once_is_refused_with_words(world: Verifiable, place: str) -> None:
    client = client_of(world.curator)
    wish = {"recipe": "earmark", "precision": "0.99", "device": "auto", "seed": "0"}
    client.post(place, wish)
    answer = client.post(place, wish)
    assert answer.status_code == 422
    assert b"A run of this dataset goes on" in answer.content
    assert VerificationRun.objects.count() == 1


def test_without_labels_to_judge_the_page_says_what_is_needed(world: Verifiable, place: str) -> None:
    for annotation in world.open:
        settle(annotation)
    page = client_of(world.curator).get(place)
    assert b"No label waits for a verdict" in page.content
    assert b"import_clips" in page.content
    assert b"Start the run" not in page.content


def test_while_clips_are_imported_the_page_says_to_wait(world: Verifiable, place: str) -> None:
    for annotation in world.open:
        settle(annotation)
    Job.objects.create(kind="import-clips", dataset=world.dataset, key="x")
    client = client_of(world.curator)
    page = client.get(place)
    assert b"Clips are being imported" in page.content
    assert b"manage.py import_clips" not in page.content
    wish = {"recipe": "earmark", "precision": "0.99", "device": "cpu", "seed": "0"}
    assert client.post(place, wish).context["form"].non_field_errors() == [
        "Clips are being imported: wait until that job is done, and start the run then."
    ]


def test_runs_are_listed_newest_first_in_a_fixed_number_of_queries(
    world: Verifiable, place: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client = client_of(world.curator)
    client.get(place)
    for _ in range(12):
        make_finished_run(world.dataset, dict.fromkeys(world.open, 0.9))
        make_run(world.dataset)
    with django_assert_max_num_queries(MOST_QUERIES):
        page = client.get(place)
    assert [line.view.run.number for line in page.context["runs"]] == list(range(24, 0, -1))
    assert page.context["comparable"]


def test_the_list_and_comparisons_name_pretrained_trunks(world: Verifiable, place: str) -> None:
    client = client_of(world.curator)
    for name in ("panns.pt", "ced.onnx"):
        make_run(world.dataset, finished=True, trunks=[{"name": name, "digest": name}])
    make_run(world.dataset, finished=True)
    for rest in ("", "compare/?run=1&run=2&run=3"):
        page = client.get(place + rest).content.decode()
        assert re.findall(r'class="trunk">([^<]+)<', page) == sorted(["panns.pt", "ced.onnx"], reverse=bool(rest))


def test_a_run_that_trains_less_than_its_recipe_says_so(world: Verifiable, place: str) -> None:
    client = client_of(world.curator)
    told, page_told = "25.0 % of the recipe's epochs", "it trains 25.0 % of the recipe's epochs"
    for plan, is_told in (({}, False), ({"share": 1.0}, False), ({"share": 0.25}, True)):
        run = make_run(world.dataset, finished=True, plan=plan)
        assert (told in html.unescape(client.get(place).content.decode())) == is_told
        assert (page_told in html.unescape(client.get(f"{place}{run.number}/").content.decode())) == is_told


def test_the_script_asks_for_costs_once_and_a_worker_finds_them(world: Verifiable, place: str) -> None:
    client = client_of(world.curator)
    assert b"data-stale" in client.get(place).content
    for _ in range(2):
        answer = client.post(f"{place}estimate/", headers={"accept": "application/json"})
        assert (answer.status_code, answer.json()) == (202, {"queued": True})
    assert Job.objects.filter(kind=ESTIMATE).count() == 1
    assert b"data-stale" not in client.get(place).content
    assert client.post(f"{place}estimate/")["Location"] == place


def test_a_failed_estimate_says_why(world: Verifiable, place: str) -> None:
    Job.objects.create(
        kind=ESTIMATE, dataset=world.dataset, key=world.dataset.slug, state=JobState.FAILED, error="no memory left"
    )
    assert b"no memory left" in client_of(world.curator).get(place).content


def test_a_worker_times_every_recipe(world: Verifiable, place: str) -> None:
    client = client_of(world.curator)
    client.post(f"{place}estimate/")
    (job,) = work()
    assert job.state == JobState.DONE, job.error
    found = latest_estimate(world.dataset)
    assert found is not None
    assert set(found.recipes) == {"earmark", "nguyen", "dorfer", "iqbal", "icme2024"}
    cost = found.recipes["earmark"]
    assert cost.seconds is not None
    assert cost.seconds > 0
    assert (cost.members, cost.iterations) == (1, 3)
    assert cost.parameters > 1_000
    assert (found.device, found.clips) == ("cpu", len(world.open) + len(world.verified))
    page = client.get(place).content.decode()
    assert "about a minute or less" in page


def test_an_estimate_on_labels_that_leave_nothing_fails_with_the_reason(world: Verifiable, place: str) -> None:
    for annotation in world.open:
        settle(annotation)
    client_of(world.curator).post(f"{place}estimate/")
    (job,) = work()
    assert job.state == JobState.FAILED
    assert job.error


def test_the_dataset_page_tells_of_the_newest_run(world: Verifiable) -> None:
    run = make_finished_run(world.dataset, dict.fromkeys(world.open, 0.9))
    run.summary = {"totals": {"verified": 2, "judged": 7_321, "probably_wrong": 811, "would_accept": 5_230}}
    run.save()
    refresh_summary(dataset=world.dataset)
    page = client_of(world.curator).get(f"/d/{world.dataset.slug}/").content.decode()
    assert "7,321" in page
    assert f"/d/{world.dataset.slug}/verification/1/" in page
    annotator = make_member(world.dataset, Role.ANNOTATOR)
    assert "7,321" not in client_of(annotator).get(f"/d/{world.dataset.slug}/").content.decode()
