"""What commands answer when something fails that is no fault of a row."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import NoReturn

import pytest
from django.core.management import CommandError, call_command
from django.db import InterfaceError, OperationalError, ProgrammingError, connection

from curation.audio.confined_child import ChildStartError
from curation.services.jobs import LeaseLostError
from tests.factories.rows import make_dataset

PROJECT = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["import_clips", "segment", "export", "pipeline"])
def command(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, list[str]]:
    """Return where a command calls its service, and its words."""
    make_dataset("scenes")
    config = tmp_path / "pipeline.toml"
    config.write_text('[dataset]\nslug = "scenes"\n', encoding="utf-8")
    service, words = {
        "import_clips": ("import_clips", ["clips.csv", "--dataset", "scenes"]),
        "segment": ("segment_here", ["--dataset", "scenes"]),
        "export": ("export_here", ["--dataset", "scenes", "--out", str(tmp_path / "out.zip")]),
        "pipeline": ("run_pipeline", [str(config)]),
    }[request.param]
    return f"curation.management.commands.{request.param}.{service}", [request.param, *words]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ChildStartError("The decoder's process does not start; see its messages on stderr."), "The decoder's process"),
        (BrokenProcessPool("terminated abruptly"), "A process that reads audio was killed"),
        (LeaseLostError("Job 7 belongs to another worker now."), r"Job 7 belongs to another worker now\b"),
        (OperationalError("database is locked"), r"The database says: database is locked\."),
        (
            OperationalError("connection failed:\n  Is the server running?\n"),
            "connection failed: Is the server running",
        ),
        (InterfaceError(), "The database says: InterfaceError"),
    ],
)
def test_a_fault_of_the_machine_exits_2_with_one_line(
    command: tuple[str, list[str]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    message: str,
) -> None:
    def fails(**_: object) -> NoReturn:
        raise error

    service, words = command
    monkeypatch.setattr(service, fails)
    caplog.set_level(logging.DEBUG, logger="curation.management.row_command")
    with pytest.raises(CommandError, match=message) as caught:
        call_command(*words)
    assert caught.value.returncode == 2
    assert len(str(caught.value).splitlines()) == 1
    assert [record.exc_info is not None for record in caplog.records] == [True]


@pytest.mark.parametrize(
    "error", [OperationalError("no such table: x"), ProgrammingError('relation "x" does not exist')]
)
def test_a_database_without_the_newest_tables_is_told_apart(
    command: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fails(**_: object) -> NoReturn:
        raise error

    service, words = command
    monkeypatch.setattr(service, fails)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'validate'")
    with pytest.raises(CommandError, match=r"Run `manage\.py migrate`") as caught:
        call_command(*words)
    assert caught.value.returncode == 2


def test_a_wrong_query_on_a_whole_database_is_a_fault_of_ours(
    command: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(**_: object) -> NoReturn:
        raise ProgrammingError("syntax error")

    service, words = command
    monkeypatch.setattr(service, fails)
    with pytest.raises(ProgrammingError, match="syntax error"):
        call_command(*words)


def test_a_command_makes_the_tables_of_a_new_embedded_database(tmp_path: Path) -> None:
    environment = os.environ | {"EARMARK_DATA_DIR": str(tmp_path / "data")}
    environment.pop("DATABASE_URL", None)
    words = [sys.executable, "manage.py", "create_dataset", "scenes"]
    made = subprocess.run(  # noqa: S603 -- this project's own program
        words, cwd=PROJECT, env=environment, text=True, capture_output=True, check=True
    )
    assert "Dataset scenes made" in made.stdout
    assert "Made the database" in made.stderr
    again = subprocess.run(words, cwd=PROJECT, env=environment, text=True, capture_output=True, check=True)  # noqa: S603
    assert "Made the database" not in again.stderr
