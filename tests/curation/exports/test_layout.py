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
