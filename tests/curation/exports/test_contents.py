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


@pytest.mark.parametrize("target", ["out.zip", "out"])
def test_a_clip_whose_name_is_a_folder_of_others_stays_out_or_keeps_them_out(tmp_path: Path, target: str) -> None:
    dataset = make_exportable()
    person, bell = Participant.objects.get(code="user0001"), Category.objects.get(name="Bell")
    for name in ("a.wav", "A.wav/1.wav", "a.wav/2.wav", "b/1.wav", "b/2.wav", "c.wav", "c.wav/d/1.wav"):
        make_stored_clip(dataset, name, participant=person, categories=[bell])
    report = export_dataset(dataset=dataset, target=tmp_path / target)
    read = (tmp_path / target / "excluded.csv").read_text if target == "out" else None
    rows = csv.DictReader(io.StringIO(read())) if read else _rows(tmp_path / target, "excluded.csv")
    assert [(row["clip"], row["reason"]) for row in rows] == [("a.wav", "name_taken"), ("c.wav/d/1.wav", "name_taken")]
    assert report.excluded == 2


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
