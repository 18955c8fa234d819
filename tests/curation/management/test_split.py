from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from curation.models import Split
from tests.factories.rows import make_annotation, make_category, make_clip, make_dataset, make_participant

PROJECT = Path(__file__).parents[3]


def manifest(folder: Path, *extra: str) -> Path:
    path = folder / "m.csv"
    rows = [f"{number}.wav,Bus,user{number}" for number in range(10)]
    path.write_text("\n".join(["clip,category,participant", *rows, *extra]) + "\n", encoding="utf-8")
    return path


@pytest.mark.django_db
def test_a_dataset_is_split_printed_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset = make_dataset("city")
    category = make_category(dataset, "Bus")
    for number in range(10):
        participant = make_participant(dataset, f"user{number:04d}")
        make_annotation(make_clip(dataset, name=f"{number}.wav", participant=participant), category)
    for _ in range(2):
        call_command("split", "--dataset", "city", "--method", "greedy", "--out", str(tmp_path / "s.csv"))
        assert capsys.readouterr().out == (
            "class             clips              train                val               test\n"
            "Bus                  10          8  80.00%          1  10.00%          1  10.00%\n"
            "participants         10          8  80.00%          1  10.00%          1  10.00%\n"
            "Split 1 of city: greedy, train at most 0.8, val at most 0.1 of each class.\n"
            f"{tmp_path / 's.csv'}: 10 clips.\n"
        )
    assert Split.objects.count() == 1
    assert (tmp_path / "s.csv").read_text().splitlines()[-2:] == ["8.wav,val", "9.wav,test"]


def test_a_manifest_is_split_without_a_query(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # pytest-django refuses any query of a test that did not ask for the database.
    call_command("split", manifest=manifest(tmp_path), out=tmp_path / "s.csv", train=".5", val=".2")
    assert (tmp_path / "s.csv").read_text() == "clip,split\n" + "".join(
        f"{number}.wav,{'train' if number < 5 else 'val' if number < 7 else 'test'}\n" for number in range(10)
    )
    assert "5  50.00%" in capsys.readouterr().out


@pytest.mark.parametrize(("extra", "code"), [((), 0), (("0.wav,Bus,user1",), 1), (('"',), 2)])
def test_a_manifest_is_split_where_no_database_answers(tmp_path: Path, extra: tuple[str, ...], code: int) -> None:
    environment = {
        **os.environ,
        "DATABASE_URL": "postgres://nobody@127.0.0.1:9/none",
        "EARMARK_DATA_DIR": str(tmp_path / "data"),
    }
    command = [sys.executable, "manage.py", "split", "--manifest", str(manifest(tmp_path, *extra))]
    done = subprocess.run(  # noqa: S603 -- our own command
        [*command, "--out", str(tmp_path / "s.csv")],
        cwd=PROJECT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    assert (tmp_path / "s.csv").exists() == (code < 2)
    assert (tmp_path / "m.refused.csv").exists() == (code == 1)
    if code == 1:
        assert "other_participant: 1" in done.stdout
    if code == 2:
        assert "Mend the quoting" in done.stderr


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dataset": "none"}, "There is no dataset 'none'"),
        ({"dataset": "city"}, "has no clip to split"),
        ({"dataset": "city", "train": "2"}, "at most 1 together"),
        ({"dataset": "city", "out": "none/s.csv"}, "does not exist"),
        ({"manifest": "m.csv"}, "needs --out"),
        ({"manifest": "m.csv", "out": "s.csv", "train": "x"}, "decimal number"),
        ({"manifest": "none.csv", "out": "s.csv"}, "no such file"),
        ({"manifest": "m.csv", "out": "none/s.csv"}, "does not exist"),
    ],
)
def test_what_cannot_be_split_stops_with_the_remedy(tmp_path: Path, arguments: dict[str, str], message: str) -> None:
    make_dataset("city")
    manifest(tmp_path)
    places = {name: tmp_path / value if name in {"manifest", "out"} else value for name, value in arguments.items()}
    with pytest.raises(CommandError, match=message) as caught:
        call_command("split", **places)
    assert caught.value.returncode == 2


def test_parts_that_stay_empty_are_told_and_no_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "few.csv"
    path.write_text("clip,category,participant\na.wav,Bus,p1\nb.wav,Bus,p2\n", encoding="utf-8")
    call_command("split", manifest=path, out=tmp_path / "out.csv")
    assert "Mind: The validation part is empty" in capsys.readouterr().out
