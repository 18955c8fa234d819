"""Runs through the API: who sees them, what is asked, and what a run that is done says."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from curation.models import Dataset, Job, JobState, Role
from ml.api.serializers import IterationSerializer
from ml.models import VerificationRun
from ml.recipes import earmark
from ml.selectors.figure_iterations import EXTRAS
from ml.selectors.runs import FEATURES, STEP
from ml.services import open_run
from tests.factories.rows import make_annotation, make_category, make_clip, make_dataset, make_user
from tests.factories.verification_rows import Verifiable, make_run, make_verifiable, settle, work
from tests.ml.api.clients import client_of, counted, every_page, member_client, runs_of

pytestmark = pytest.mark.django_db
LISTED = {
    *("number", "dataset", "state", "share_done", "phase", "error", "recipe", "precision", "seed", "device"),
    *("budget_minutes", "trunks", "totals", "code_version", "candidates_digest", "created_at", "finished_at"),
    *("in_force", "epochs_share"),
}
TOTALS = {"verified": 4, "judged": 3, "probably_wrong": 1, "would_accept": 2}


@pytest.fixture
def dataset() -> Dataset:
    """Return a dataset that can be verified, without sounds."""
    dataset = make_dataset("scenes")
    for name in ("Noise", "Tone"):
        category = make_category(dataset, name)
        settle(make_annotation(make_clip(dataset), category))
        make_annotation(make_clip(dataset), category)
    return dataset


@pytest.fixture
def engineer(dataset: Dataset) -> APIClient:
    return member_client(dataset, Role.ENGINEER)


def make_step(run: VerificationRun, fold: int, **changes: Any) -> Job:
    place = {"iteration": 0, "member": 0, "fold": fold}
    key = f"{run.dataset.slug}/{run.key}/iteration-0-member-0-fold-{fold}"
    return Job.objects.create(kind=STEP, dataset=run.dataset, key=key, parameters={"run": run.pk, **place}, **changes)


def test_a_run_is_started_followed_cancelled_and_resumed(dataset: Dataset, engineer: APIClient) -> None:
    wish = {"recipe": "nguyen", "seed": 3, "precision": 0.95, "device": "cpu", "budget_minutes": 2.5}
    answer = engineer.post(runs_of(dataset), wish, format="json")
    assert answer.status_code == 202
    started = answer.json()
    assert set(started) == LISTED
    assert {name: started[name] for name in wish} == wish
    assert (started["number"], started["state"], started["share_done"], started["totals"]) == (1, "queued", 0, None)
    assert engineer.get(runs_of(dataset)).json()["results"] == [started]
    again = engineer.post(runs_of(dataset), {}, format="json")
    assert (again.status_code, again.json()["reason"]) == (409, "already_running")
    assert "Run 1" in again.json()["detail"]
    stopped = engineer.post(runs_of(dataset, "1/cancel/"))
    assert (stopped.status_code, stopped.json()["state"]) == (202, "cancelled")
    assert engineer.post(runs_of(dataset, "1/cancel/")).json()["state"] == "cancelled"
    resumed = engineer.post(runs_of(dataset, "1/resume/"))
    assert (resumed.status_code, resumed.json()["state"]) == (202, "queued")
    twice = engineer.post(runs_of(dataset, "1/resume/"))
    assert (twice.status_code, twice.json()["reason"]) == (409, "not_stopped")
    assert Job.objects.filter(kind=FEATURES, state=JobState.QUEUED, queue="gpu").count() == 1


def test_a_curator_chooses_the_run_in_force_and_takes_that_back(dataset: Dataset, engineer: APIClient) -> None:
    for _ in range(2):
        make_run(dataset, finished=True)
    make_run(dataset)
    curator = member_client(dataset, Role.CURATOR)

    def in_force() -> list[int]:
        return [run["number"] for run in curator.get(runs_of(dataset)).json()["results"] if run["in_force"]]

    assert in_force() == [2]
    assert engineer.post(runs_of(dataset, "1/choose/")).status_code == 403
    chosen = curator.post(runs_of(dataset, "1/choose/"))
    assert (chosen.status_code, chosen.json()["in_force"], in_force()) == (202, True, [1])
    assert curator.get(runs_of(dataset, "1/")).json()["in_force"]
    unfinished = curator.post(runs_of(dataset, "3/choose/"))
    assert (unfinished.status_code, unfinished.json()["reason"]) == (409, "not_finished")
    assert curator.post(runs_of(dataset, "1/unchoose/")).json()["in_force"] is False
    assert in_force() == [2]


def test_what_is_left_out_is_as_the_command_has_it(dataset: Dataset, engineer: APIClient) -> None:
    started = engineer.post(runs_of(dataset), {}, format="json").json()
    found = {name: started[name] for name in ("recipe", "seed", "precision", "device", "budget_minutes")}
    assert found == {"recipe": "earmark", "seed": 0, "precision": 0.99, "device": "auto", "budget_minutes": None}


@pytest.mark.parametrize(
    ("wish", "field", "told"),
    [
        ({"recipe": "magic"}, "recipe", "magic is none of the choices: earmark, nguyen,"),
        ({"device": "tpu"}, "device", "tpu is none of the choices: auto, cpu, cuda"),
        ({"seed": -1}, "seed", "greater than or equal to 0"),
        ({"seed": 2**63}, "seed", "less than or equal to"),
        ({"seed": 1.5}, "seed", "integer"),
        ({"precision": 1.5}, "precision", "less than or equal to 1"),
        ({"precision": "nan"}, "precision", "valid number"),
        ({"budget_minutes": 10**400}, "budget_minutes", "too large"),
        ({"budget_minutes": "much"}, "budget_minutes", "valid number"),
        ({"budget_minutes": 0}, "budget_minutes", "more than 0"),
        ({"budget_minutes": -1}, "budget_minutes", "more than 0"),
        ({"precision": 0}, "precision", "more than 0"),
        ({"budget": 2}, "budget", "Known: recipe, seed, precision, device, budget_minutes, trunks."),
    ],
)
def test_a_wish_that_cannot_be_used_is_refused_by_field(
    dataset: Dataset, engineer: APIClient, wish: dict[str, Any], field: str, told: str
) -> None:
    answer = engineer.post(runs_of(dataset), wish, format="json")
    assert answer.status_code == 400
    assert told in answer.json()[field][0]
    assert not VerificationRun.objects.exists()


def test_what_the_service_refuses_is_told_with_its_reason() -> None:
    settle(make_annotation(make_clip(other := make_dataset())))
    client = client_of(make_user(is_superuser=True))
    assert client.post(runs_of(other), {}, format="json").json()["reason"] == "too_few_verified"


@pytest.mark.parametrize("role", [Role.CURATOR, Role.ENGINEER])
def test_who_runs_the_dataset_sees_and_starts_its_runs(dataset: Dataset, role: Role) -> None:
    client = member_client(dataset, role)
    assert client.post(runs_of(dataset), {}, format="json").status_code == 202
    for rest in ("", "1/", "1/predictions/"):
        assert client.get(runs_of(dataset, rest)).status_code == 200
    assert client.get(runs_of(dataset, "2/")).status_code == 404


@pytest.mark.parametrize("role", [Role.ANNOTATOR, Role.PARTICIPANT, None])
def test_to_others_there_are_no_runs(dataset: Dataset, role: Role | None) -> None:
    make_run(dataset)
    stranger = make_user()
    client = client_of(stranger) if role is None else member_client(dataset, role)
    for rest in ("", "1/", "1/predictions/"):
        assert client.get(runs_of(dataset, rest)).status_code == 404
        assert APIClient().get(runs_of(dataset, rest)).status_code == 401
    for rest in ("", "1/cancel/", "1/resume/", "1/accept/", "1/undo/"):
        assert client.post(runs_of(dataset, rest), {}, format="json").status_code == 404
        assert APIClient().post(runs_of(dataset, rest), {}, format="json").status_code == 401
    assert not Job.objects.exists()


def test_runs_of_other_datasets_are_not_found(dataset: Dataset, engineer: APIClient) -> None:
    elsewhere = make_run(make_dataset())
    assert engineer.get(runs_of(elsewhere.dataset, "1/")).status_code == 404
    assert engineer.get(runs_of(dataset, "1/")).status_code == 404
    for number in (2**31, 2**63, 10**40):
        assert engineer.get(runs_of(dataset, f"{number}/")).status_code == 404


def test_runs_come_newest_first_in_pages(dataset: Dataset, engineer: APIClient) -> None:
    for _ in range(5):
        make_run(dataset, finished=True, summary={"totals": TOTALS, "assured": [[0.5, 1, 0.9]]})
    pages = every_page(engineer, runs_of(dataset, "?page_size=2"))
    assert [[run["number"] for run in page] for page in pages] == [[5, 4], [3, 2], [1]]
    assert {run["state"] for page in pages for run in page} == {"done"}
    assert pages[0][0]["totals"] == TOTALS
    assert engineer.get(runs_of(dataset, "?cursor=cD14")).status_code == 404
    refused = engineer.get(runs_of(dataset, "?state=done"))
    assert (refused.status_code, "Known: cursor, format, page_size" in refused.json()["state"][0]) == (400, True)


def test_a_run_says_which_share_of_the_epochs_it_trains(dataset: Dataset, engineer: APIClient) -> None:
    for plan in ({}, {"share": 1.0}, {"share": 0.25}):
        make_run(dataset, finished=True, plan=plan)
    listed = engineer.get(runs_of(dataset)).json()["results"]
    assert [run["epochs_share"] for run in listed] == [0.25, 1.0, None]
    assert engineer.get(runs_of(dataset, "3/")).json()["epochs_share"] == 0.25


def test_the_number_of_queries_does_not_grow(dataset: Dataset, engineer: APIClient) -> None:
    counts = []
    for number in (1, 4):
        for _ in range(number):
            run = make_run(dataset)
            for fold in range(number):
                make_step(run, fold, progress_done=1, progress_total=2, checkpoint={"losses": [1.5]})
        counts.append([counted(engineer, runs_of(dataset, rest))[0] for rest in ("", f"{run.number}/")])
    assert counts[0] == counts[1]
    assert max(counts[1]) <= 10


def test_steps_show_losses_notes_and_the_error_that_stopped_the_run(dataset: Dataset, engineer: APIClient) -> None:
    run = make_run(dataset, plan={"members": [{}], "n_folds": 2, "iterations": 2})
    told = {"losses": [2.0, 1.5], "notes": ["batch halved to 32"]}
    make_step(run, 0, state=JobState.DONE, progress_done=4, progress_total=4, checkpoint={"losses": [1.0] * 4})
    make_step(run, 1, state=JobState.FAILED, progress_done=2, progress_total=4, checkpoint=told, error="no memory")
    detail = engineer.get(runs_of(dataset, "1/")).json()
    assert set(detail) == LISTED | {"iterations", "steps", "figures"}
    assert (detail["state"], detail["error"], detail["share_done"]) == ("failed", "no memory", 0.375)
    assert detail["steps"][1] == {
        "iteration": 0,
        "member": 0,
        "fold": 1,
        "state": "failed",
        "error": "no memory",
        "epochs": 2,
        "epochs_total": 4,
        **told,
    }
    empty: dict[str, Any] = {key: [] for key in ("histogram", "reliability", "classes", "acceptance")}
    assert detail["figures"] == {**empty, "confusion": None}


def test_all_that_only_some_recipes_tell_of_an_iteration_is_in_the_schema() -> None:
    fields = IterationSerializer().fields
    assert {name: fields[name].required for name in EXTRAS} == dict.fromkeys(EXTRAS, False)


def test_a_run_that_workers_did_shows_iterations_steps_and_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    world: Verifiable = make_verifiable()
    monkeypatch.setattr(earmark, "ITERATIONS", 2)
    monkeypatch.setattr(open_run, "seconds_needed", lambda *_, **__: 1e9)
    client = client_of(world.curator)
    client.post(runs_of(world.dataset), {"budget_minutes": 1e-9, "device": "cpu"}, format="json")
    work()
    queries, detail = counted(client, runs_of(world.dataset, "1/"))
    assert queries <= 10
    assert (detail["state"], detail["share_done"], detail["error"]) == ("done", 1, "")
    assert len(detail["candidates_digest"]) == 64
    assert detail["code_version"]
    assert [row["iteration"] for row in detail["iterations"]] == [1, 2]
    assert detail["iterations"][0]["map_at_3"] is not None
    assert [(step["iteration"], step["fold"]) for step in detail["steps"]] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert all(len(step["losses"]) == step["epochs"] == step["epochs_total"] == 1 for step in detail["steps"])
    figures = detail["figures"]
    assert sum(bin_["labels"] for bin_ in figures["histogram"]) == detail["totals"]["judged"] == 8
    assert sum(bin_["clips"] for bin_ in figures["reliability"]) <= detail["totals"]["verified"] == 8
    assert [(row["category"], row["verified"], row["judged"]) for row in figures["classes"]] == [
        ("Noise", 4, 4),
        ("Tone", 4, 4),
    ]
    assert all(point["accepted"] >= 1 for point in figures["acceptance"])
    for cells in figures["confusion"].values():
        assert sum(cell["labels"] for cell in cells) == 8
        assert {cell["category"] for cell in cells} == {"Noise", "Tone"}
    _, found = counted(client, runs_of(world.dataset, "1/predictions/"))
    assert len(found["results"]) == 16
