"""The names of clips in the tables of an export."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import pytest

from annotate.services.ratings import record_rating
from curation.models import Category, Participant
from curation.services.exports import export_dataset
from tests.factories.exports import make_exportable, make_stored_clip

pytestmark = pytest.mark.django_db


def _read(target: Path, name: str) -> list[dict[str, str]]:
    if target.suffix == ".zip":
        return _rows(target, name)
    return list(csv.DictReader(io.StringIO((target / name).read_text(encoding="utf-8"), newline="")))


def _rows(target: Path, name: str) -> list[dict[str, str]]:
    with zipfile.ZipFile(target) as archive:
        return list(csv.DictReader(io.StringIO(archive.read(name).decode(), newline="")))


def test_a_clip_has_one_name_in_all_tables(tmp_path: Path) -> None:
    dataset = make_exportable()
    person, bell = Participant.objects.get(code="user0001"), Category.objects.get(name="Bell")
    for name in ("=x.wav", "_=x.wav", " =x.wav"):
        clip = make_stored_clip(dataset, name, participant=person, categories=[bell])
        record_rating(annotation=clip.annotations.get(), annotator=person, presence="PP", source="web")
    make_stored_clip(dataset, "+unclaimed.wav", participant=person)
    export_dataset(dataset=dataset, target=tmp_path / "out.zip")
    found = {name: _rows(tmp_path / "out.zip", name) for name in ("splits.csv", "annotations.csv", "ratings.csv")}
    expected = {"_=x.wav", "__=x.wav", "_ =x.wav"}
    assert {row["clip"] for row in found["ratings.csv"]} == expected
    assert all(expected <= {row["clip"] for row in rows} for rows in found.values())
    metadata = _rows(tmp_path / "out.zip", "metadata.csv")
    files, part = {row["file_name"] for row in metadata}, metadata[0]["split"]
    assert {row["split"] for row in metadata if row["participant"] == "user0001"} == {part}
    assert {f"{part}/{name}" for name in expected} <= files
    assert expected <= {row["file_name"] for row in _rows(tmp_path / "out.zip", f"{part}/metadata.csv")}
    assert files == {row["fname"] for row in _rows(tmp_path / "out.zip", "attribution.csv")}
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert files <= set(archive.namelist())
    assert [row["clip"] for row in _rows(tmp_path / "out.zip", "excluded.csv")] == ["_+unclaimed.wav"]


def test_a_name_that_is_an_address_only_once_exported_stays_out(tmp_path: Path) -> None:
    dataset = make_exportable()
    person, bell = Participant.objects.get(code="user0001"), Category.objects.get(name="Bell")
    make_stored_clip(dataset, "@home.wav", participant=person, categories=[bell])
    export_dataset(dataset=dataset, target=tmp_path / "out.zip")
    assert [row["reason"] for row in _rows(tmp_path / "out.zip", "excluded.csv")] == ["email_in_name"]


@pytest.mark.parametrize("target", ["out.zip", "out"])
def test_a_clip_with_a_time_in_its_name_is_exported_and_one_that_nothing_can_store_is_left_out(
    tmp_path: Path, target: str
) -> None:
    dataset = make_exportable()
    person, bell = Participant.objects.get(code="user0001"), Category.objects.get(name="Bell")
    unsafe = [
        "-" + "a" * 250 + ".wav",
        "x/dot.",
        "x/space ",
        "CON.wav",
        "lpt1/a.wav",
        "a\\b.wav",
        "\uac00" * 84 + ".wav",
    ]
    for name in ("12:30:05.wav", "12%3A30%3A05.wav", *unsafe):
        make_stored_clip(dataset, name, participant=person, categories=[bell])
    export_dataset(dataset=dataset, target=tmp_path / target)
    rows, excluded = (_read(tmp_path / target, name) for name in ("metadata.csv", "excluded.csv"))
    part = next(row["split"] for row in rows if row["participant"] == "user0001")
    named = {row["file_name"] for row in rows if "30" in row["file_name"]}
    assert named == {f"{part}/12%3A30%3A05.wav", f"{part}/12%253A30%253A05.wav"}
    assert {row["reason"] for row in excluded} == {"unsafe_name"}
    assert {row["clip"].removeprefix("_") for row in excluded} == set(unsafe)
    stored = set(zipfile.ZipFile(tmp_path / target).namelist()) if target == "out.zip" else _files(tmp_path / target)
    assert named <= stored


def _files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
