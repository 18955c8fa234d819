"""Which of several clips gets a file name that they share."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import pytest

from curation.models import Category, Participant
from curation.services.exports import export_dataset
from tests.factories.exports import make_exportable, make_stored_clip
from tests.factories.rows import make_participant

pytestmark = pytest.mark.django_db


def _rows(target: Path, name: str) -> list[dict[str, str]]:
    with zipfile.ZipFile(target) as archive:
        return list(csv.DictReader(io.StringIO(archive.read(name).decode(), newline="")))


def test_of_clips_that_are_one_file_on_some_systems_the_first_is_exported(tmp_path: Path) -> None:
    dataset = make_exportable()
    person, other = Participant.objects.get(code="user0001"), make_participant(dataset, "user0099")
    bell = Category.objects.get(name="Bell")
    for name in ("dog.wav", "DOG.wav", "Dog.wav", "caf\u00e9.wav", "cafe\u0301.wav", "sub/dog.wav"):
        make_stored_clip(dataset, name, participant=person, categories=[bell])
    make_stored_clip(dataset, "dOG.wav", participant=other)
    report = export_dataset(dataset=dataset, target=tmp_path / "out.zip")
    files = {row["file_name"].split("/", 1)[1] for row in _rows(tmp_path / "out.zip", "metadata.csv")}
    assert {"DOG.wav", "cafe\u0301.wav", "sub/dog.wav"} <= files
    excluded = [(row["clip"], row["reason"]) for row in _rows(tmp_path / "out.zip", "excluded.csv")]
    assert excluded == [
        ("Dog.wav", "name_taken"),
        ("caf\u00e9.wav", "name_taken"),
        ("dOG.wav", "no_annotation"),
        ("dog.wav", "name_taken"),
    ]
    assert (report.clips, report.excluded) == (12, 4)
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert "- 3 name_taken: " in archive.read("README.md").decode()


def test_clips_of_one_name_in_two_parts_are_both_exported(tmp_path: Path) -> None:
    dataset = make_exportable()
    bell = Category.objects.get(name="Bell")
    for number, name in ((1, "dog.wav"), (2, "Dog.wav")):
        person = Participant.objects.get(code=f"user000{number}")
        make_stored_clip(dataset, name, participant=person, categories=[bell])
    report = export_dataset(dataset=dataset, target=tmp_path / "out.zip")
    parts = {row["participant"]: row["split"] for row in _rows(tmp_path / "out.zip", "metadata.csv")}
    assert parts["user0001"] != parts["user0002"]
    assert (report.clips, report.excluded) == (11, 0)
