"""Folders of runs that nobody needs any more: told, and removed when that is asked for, never those in use."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from curation.models import Dataset, JobState, Role
from ml.models import VerificationRun
from ml.services import run_pruning
from ml.services.run_choice import choose_run
from ml.services.run_files import feature_stores, kept_folders, run_folder
from ml.services.run_jobs import ask_features
from tests.factories.rows import make_dataset, make_member
from tests.factories.verification_rows import make_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset() -> Dataset:
    return make_dataset("streets")


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let no other test's folders be there."""
    monkeypatch.setattr("ml.services.run_files._all_files", lambda: tmp_path / "verification")
    (feature_stores() / "kept").write_bytes(b"features")
    assert settings.ENV.data_dir not in tmp_path.parents
    return tmp_path / "verification"


def keep_files(run: VerificationRun) -> VerificationRun:
    (run_folder(run) / "step").mkdir()
    (run_folder(run) / "step" / "weights").write_bytes(bytes(1_500_000))
    return run


def finished(dataset: Dataset) -> VerificationRun:
    return keep_files(make_run(dataset, finished=True))


def stopped(dataset: Dataset) -> VerificationRun:
    return keep_files(make_run(dataset, cancelled_at=timezone.now()))


def kept() -> set[uuid.UUID]:
    return {folder_id for folder_id, _ in kept_folders()}


def ids(*runs: VerificationRun) -> set[uuid.UUID]:
    return {run.folder_id for run in runs}


def test_nothing_is_removed_before_it_is_asked_for(dataset: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [finished(dataset) for _ in range(3)]
    call_command("prune_runs")
    out = capsys.readouterr().out
    assert "streets run 1: " in out
    assert "2 folders, 3.0 MB. Nothing was removed: --delete does that." in out
    assert kept() == ids(*runs)


@pytest.mark.parametrize("keep", [0, 1, 2, 5])
def test_the_newest_finished_runs_keep_theirs_and_features_stay(
    dataset: Dataset, files: Path, keep: int, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [finished(dataset) for _ in range(3)]
    elsewhere = finished(make_dataset())
    call_command("prune_runs", keep=keep, delete=True)
    assert kept() == ids(*runs[-max(keep, 1) :], elsewhere)  # the newest is what people review by
    assert f"{3 - len(kept()) + 1} folders removed" in capsys.readouterr().out
    assert {path.name for path in files.iterdir() if not path.name.startswith("run-")} == {"features"}
    assert (files / "features" / "kept").exists()


def test_the_run_that_people_review_by_keeps_its_folder(dataset: Dataset) -> None:
    runs = [finished(dataset) for _ in range(3)]
    choose_run(run=runs[0], by=make_member(dataset, Role.CURATOR))
    call_command("prune_runs", delete=True)
    assert kept() == ids(runs[0], runs[2])


def test_a_stopped_run_keeps_its_folder_until_a_newer_one_is_finished(dataset: Dataset) -> None:
    runs = [stopped(dataset), finished(dataset), stopped(dataset)]
    call_command("prune_runs", delete=True)
    assert kept() == ids(*runs[1:])


def test_a_run_that_goes_on_keeps_its_folder(dataset: Dataset) -> None:
    going = keep_files(make_run(dataset))
    ask_features(going)
    failed = keep_files(make_run(dataset))
    ask_features(failed)
    failed.dataset.jobs.filter(key__contains=failed.key).update(state=JobState.FAILED, finished_at=timezone.now())
    newest = finished(dataset)
    call_command("prune_runs", delete=True)
    assert kept() == ids(going, newest)


def test_a_run_that_is_resumed_meanwhile_keeps_its_folder(dataset: Dataset) -> None:
    run = stopped(dataset)
    finished(dataset)
    (folder,) = run_pruning.unneeded_folders(keep=1)
    VerificationRun.objects.filter(pk=run.pk).update(cancelled_at=None, attempt=2)
    run.refresh_from_db()
    ask_features(run)
    assert not run_pruning.remove_folder(folder, keep=1)
    assert run.folder_id in kept()


def test_what_a_killed_prune_left_is_removed_by_the_next(
    dataset: Dataset, files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        finished(dataset)

    def be_killed(_: Path, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr(run_pruning.shutil, "rmtree", be_killed)
        with pytest.raises(KeyboardInterrupt):
            call_command("prune_runs", delete=True)
    (left,) = files.glob(".gone-*")
    call_command("prune_runs")
    assert f"no run: {left}, 1.5 MB: left by a removal that was stopped" in capsys.readouterr().out
    assert left.exists()
    call_command("prune_runs", delete=True)
    assert "1 folders removed, 1.5 MB freed." in capsys.readouterr().out
    assert not left.exists()


def test_two_that_prune_at_once_both_end_well(dataset: Dataset, files: Path) -> None:
    for _ in range(2):
        finished(dataset)
    (folder,) = run_pruning.unneeded_folders(keep=1)
    assert run_pruning.remove_folder(folder, keep=1)
    assert not run_pruning.remove_folder(folder, keep=1)
    gone = files / ".gone-by-another"
    gone.mkdir()
    (left,) = run_pruning.unneeded_folders(keep=1)
    gone.rmdir()
    assert not run_pruning.remove_folder(left, keep=1)


def test_removing_a_folder_looks_at_its_run_alone(dataset: Dataset) -> None:
    counts = []
    for more in (2, 6):
        for _ in range(more):
            stopped(dataset)
        finished(dataset)
        folder = run_pruning.unneeded_folders(keep=1)[0]
        with CaptureQueriesContext(connection) as queries:
            assert run_pruning.remove_folder(folder, keep=1)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_folders_of_no_run_go_only_when_they_are_meant(
    dataset: Dataset, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = finished(dataset)
    strange = uuid.uuid4()
    (files / f"run-{strange}").mkdir()
    (files / "run-notes").mkdir()  # somebody's own
    call_command("prune_runs", delete=True)
    assert kept() == {run.folder_id, strange}
    call_command("prune_runs", unknown=True, delete=True)
    assert "of no run of this database" in capsys.readouterr().out
    assert kept() == ids(run)
    assert (files / "run-notes").is_dir()


def test_one_dataset_alone(dataset: Dataset) -> None:
    older, newer = finished(dataset), finished(dataset)
    other = make_dataset()
    others = [finished(other) for _ in range(2)]
    call_command("prune_runs", dataset="streets", delete=True)
    assert kept() == ids(newer, *others)
    assert older.folder_id not in kept()


@pytest.mark.parametrize("options", [{"keep": -1}, {"dataset": "none"}, {"dataset": "streets", "unknown": True}])
@pytest.mark.usefixtures("dataset")
def test_what_makes_no_sense_exits_2(options: dict[str, Any]) -> None:
    with pytest.raises(CommandError) as stop:
        call_command("prune_runs", **options)
    assert stop.value.returncode == 2
