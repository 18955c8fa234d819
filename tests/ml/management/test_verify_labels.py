from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from curation.audio.confined_child import ChildStartError
from ml.features.store import StoreLockedError
from ml.management.commands.verify_labels import _Bar
from ml.services import manifest_run
from tests.factories.verification import make_dataset, manifest_rows, read_predictions, write_rows

PROJECT = Path(__file__).resolve().parents[3]


def words(folder: Path, *more: str) -> list[str]:
    return [
        "verify_labels",
        "--manifest",
        str(folder / "manifest.csv"),
        "--audio-root",
        str(folder / "audio"),
        "--out",
        str(folder / "p.csv"),
        "--budget-minutes",
        "0.000001",
        *more,
    ]


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Stand in for the work, and note what it is asked for."""
    asked: dict[str, Any] = {}

    def noted(**options: Any) -> str:
        asked.update(options)
        options["say"]("a line meanwhile")
        options["progress"]("training", 1, 2)
        return "what was done"

    monkeypatch.setattr(manifest_run, "verify_manifest", noted)
    return asked


def failing(error: BaseException) -> Callable[..., str]:
    def fail(**_: object) -> str:
        raise error

    return fail


def test_labels_are_judged_where_no_database_answers(tmp_path: Path) -> None:
    make_dataset(tmp_path)
    data, home = tmp_path / "data", tmp_path / "home"
    data.mkdir()
    home.mkdir()
    given = {"DATABASE_URL", "EARMARK_SECRET_KEY"}
    environment = {name: value for name, value in os.environ.items() if name not in given}

    done = subprocess.run(  # noqa: S603 -- our own command
        [sys.executable, "manage.py", *words(tmp_path, "--processes", "1")],
        cwd=PROJECT,
        env={**environment, "EARMARK_DATA_DIR": str(data), "HOME": str(home), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1].startswith(f"{tmp_path / 'p.csv'}: 24 clips. Of 12 labels that nobody verified")
    assert len(read_predictions(tmp_path / "p.csv")) == 24
    assert not list(home.iterdir())
    assert not list(data.iterdir())


def test_options_reach_the_work(tmp_path: Path, given: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    call_command(*words(tmp_path, "--seed", "7", "--precision", "0.9", "--recipe", "r", "--processes", "3"))

    assert capsys.readouterr().out == "a line meanwhile\nwhat was done\n"
    assert {name: given[name] for name in ("manifest", "audio_root", "out", "work_dir")} == {
        "manifest": tmp_path / "manifest.csv",
        "audio_root": tmp_path / "audio",
        "out": tmp_path / "p.csv",
        "work_dir": None,
    }
    assert (given["seed"], given["precision"], given["recipe"], given["processes"]) == (7, 0.9, "r", 3)
    assert (given["budget_minutes"], given["device"]) == (1e-6, "auto")


def test_only_what_must_be_said_must_be_said(tmp_path: Path, given: dict[str, Any]) -> None:
    arguments = words(tmp_path)
    del arguments[arguments.index("--budget-minutes") :]
    call_command(*arguments)

    assert given["budget_minutes"] is None
    assert given["recipe"] == "earmark"
    assert 0 < given["precision"] <= 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--recipe", "nonsense"), "There is no recipe 'nonsense'. Known: "),
        (("--budget-minutes", "0"), "--budget-minutes is 0.0: expected more than 0"),
        (("--budget-minutes", "soon"), "argument --budget-minutes: invalid float value: 'soon'"),
        (("--device", "tpu"), "argument --device: invalid choice: 'tpu'"),
        (("--seed", "-3"), "--seed is -3"),
        (("--processes", "-1"), "--processes is -1"),
        (("--audio-root", "none"), "none: there is no such folder"),
        (("--manifest", "none.csv"), "none.csv: No such file or directory. Mend the path"),
        (("--out", "none/p.csv"), "none: there is no such folder. Make it"),
    ],
)
def test_what_cannot_be_used_is_told_with_the_remedy(tmp_path: Path, arguments: tuple[str, str], message: str) -> None:
    write_rows(tmp_path / "manifest.csv", manifest_rows())
    (tmp_path / "audio").mkdir()

    with pytest.raises(CommandError) as caught:
        call_command(*words(tmp_path, *arguments))

    assert message in str(caught.value)
    assert caught.value.returncode == 2 or "argument" in message  # argparse itself exits with 2 in a shell
    assert sorted(path.name for path in tmp_path.iterdir()) == ["audio", "manifest.csv"]


def test_bad_rows_exit_with_2_and_write_nothing(tmp_path: Path) -> None:
    rows = manifest_rows()
    rows[4]["verified"] = "maybe"
    write_rows(tmp_path / "manifest.csv", rows)
    (tmp_path / "audio").mkdir()

    with pytest.raises(CommandError) as caught:
        call_command(*words(tmp_path))

    assert caught.value.returncode == 2
    lines = str(caught.value).splitlines()
    assert lines[0] == f"{tmp_path / 'manifest.csv'}: 24 rows cannot be used."
    assert lines[5] == "  line 6: verified is 'maybe'; expected 1 or 0."
    assert "class-0-0.wav does not exist" in lines[1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["audio", "manifest.csv"]


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (ValueError("No label to judge."), 2, "^No label to judge.$"),
        (ArithmeticError("The loss is nan."), 2, "^The loss is nan.$"),
        (StoreLockedError("F is being written by process 7."), 2, "^F is being .* Run the command again; it goes on"),
        (ChildStartError("The decoder does not start."), 2, "^The decoder does not start. Run the command again"),
        (BrokenProcessPool("terminated abruptly"), 2, "A process was killed.*fewer --processes need less. Run the"),
        (OSError(28, "No space left on device", "/w/x"), 2, "^/w/x: No space left on device. Mend this. Run the"),
        (OSError("what the system says"), 2, "^what the system says. Mend this. Run the command again"),
        (KeyboardInterrupt(), 130, "^Stopped. Run the command again; it goes on where it was.$"),
    ],
)
def test_faults_of_the_machine_are_told_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, message: str
) -> None:
    monkeypatch.setattr(manifest_run, "verify_manifest", failing(error))

    with pytest.raises(CommandError, match=message) as caught:
        call_command(*words(tmp_path))

    assert caught.value.returncode == code


def test_a_mistake_of_ours_is_no_users_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest_run, "verify_manifest", failing(KeyError("ours")))

    with pytest.raises(KeyError):
        call_command(*words(tmp_path))


def test_what_is_not_installed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("ml.services.manifest_run")
    monkeypatch.setitem(sys.modules, "ml.services.manifest_run", None)

    with pytest.raises(CommandError, match=r"is not installed\. Run `make worker-setup`, then") as caught:
        call_command(*words(tmp_path))

    assert caught.value.returncode == 2


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_a_bar_for_each_phase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := _Terminal())

    with _Bar() as bar:
        for done in range(4):
            bar.show("reading", done, 3)
        bar.show("training", 5, 5)

    assert "reading: 100%" in terminal.getvalue()
    assert "3/3" in terminal.getvalue()
    assert "training: 100%" in terminal.getvalue()
