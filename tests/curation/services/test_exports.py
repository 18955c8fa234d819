from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.files.storage import storages

from curation.exports.errors import ExportError
from curation.models import CandidateAnnotation, Category, Clip, Participant, Release, Split
from curation.services.exports import export_dataset
from curation.services.splits import make_split
from tests.factories.exports import make_exportable, make_stored_clip, settle
from tests.factories.rows import make_clip, make_dataset, make_participant, make_user

pytestmark = pytest.mark.django_db


def _rows(target: Path, name: str) -> list[dict[str, str]]:
    with zipfile.ZipFile(target) as archive:
        return list(csv.DictReader(io.StringIO(archive.read(name).decode(), newline="")))


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_each_person_and_their_audio_lie_in_one_part(tmp_path: Path) -> None:
    dataset = make_exportable()
    report = export_dataset(dataset=dataset, target=tmp_path / "out.zip")
    rows = _rows(tmp_path / "out.zip", "metadata.csv")
    parts: dict[str, set[str]] = {}
    for row in rows:
        parts.setdefault(row["participant"], set()).add(row["split"])
    assert (report.clips, report.excluded) == (9, 0)
    assert len(rows) == 9
    assert all(len(found) == 1 for found in parts.values())
    assert {part for found in parts.values() for part in found} == {"train", "val", "test"}
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        for row in rows:
            clip = Clip.objects.get(name=row["file_name"].split("/", 1)[1])
            with storages["audio"].open(clip.audio_key) as stored:
                assert archive.read(row["file_name"]) == stored.read()


def test_a_part_has_the_table_that_loaders_of_audio_folders_read(tmp_path: Path) -> None:
    export_dataset(dataset=make_exportable(), target=tmp_path / "out.zip")
    whole = [row for row in _rows(tmp_path / "out.zip", "metadata.csv") if row["split"] == "train"]
    part = _rows(tmp_path / "out.zip", "train/metadata.csv")
    assert [f"train/{row['file_name']}" for row in part] == [row["file_name"] for row in whole]


def test_a_clip_of_two_classes_lists_both_with_their_ids(tmp_path: Path) -> None:
    export_dataset(dataset=make_exportable(), target=tmp_path / "out.zip")
    row = next(row for row in _rows(tmp_path / "out.zip", "metadata.csv") if row["file_name"].endswith("/both.wav"))
    assert (row["category"], row["category_id"]) == ("Bell|Snare drum", "/m/Bell|/m/Snaredrum")
    assert (row["state"], row["consensus"], row["verified"]) == ("unrated|unrated", "|", "0|0")


def test_the_same_rows_are_the_same_bytes_in_zip_and_folder(tmp_path: Path) -> None:
    dataset = make_exportable()
    export_dataset(dataset=dataset, target=tmp_path / "one.zip")
    export_dataset(dataset=dataset, target=tmp_path / "two.zip")
    export_dataset(dataset=dataset, target=tmp_path / "folder")
    assert _sha256(tmp_path / "one.zip") == _sha256(tmp_path / "two.zip")
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        names = archive.namelist()
        assert names == [*sorted(set(names) - {"checksums.sha256"}), "checksums.sha256"]
        for name in names:
            assert (tmp_path / "folder" / name).read_bytes() == archive.read(name)


def test_no_e_mail_address_gets_out(tmp_path: Path) -> None:
    dataset = make_exportable()
    user = make_user("secret.person@example.com")
    Participant.objects.filter(code="user0001").update(user=user)
    Category.objects.filter(name="Bell").update(description="ask bells@example.net")
    person = make_participant(dataset, "user0099")
    drum = Category.objects.get(name="Snare drum")
    make_stored_clip(dataset, "jane@example.org/1.wav", participant=person, categories=[drum])
    export_dataset(dataset=dataset, target=tmp_path / "out", version="1", created_by=user)
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    data = b"".join(path.read_bytes() for path in files if path.suffix != ".wav")
    assert not any(b"example" in path.read_bytes() for path in files)
    assert re.findall(rb"[\w.]+@[\w.]+", data) == []
    assert b"email_in_name" in data


def test_texts_are_no_formulas(tmp_path: Path) -> None:
    export_dataset(dataset=make_exportable(), target=tmp_path / "out.zip")
    titles = {row["title"] for row in _rows(tmp_path / "out.zip", "attribution.csv")}
    assert titles == {"", "'=sum(a) by [e-mail removed]"}


def test_clips_that_stay_out_are_listed_with_the_reason(tmp_path: Path) -> None:
    dataset = make_exportable()
    person = Participant.objects.get(code="user0001")
    make_stored_clip(dataset, "unclaimed.wav", participant=person)
    settle(CandidateAnnotation.objects.get(clip__name="bell/2.wav"), "NP")
    settle(CandidateAnnotation.objects.get(clip__name="both.wav", category__name="Bell"), "NP")
    settle(CandidateAnnotation.objects.get(clip__name="bell/3.wav"), "PNP")
    report = export_dataset(dataset=dataset, target=tmp_path / "out.zip")
    found = {row["clip"]: row["reason"] for row in _rows(tmp_path / "out.zip", "excluded.csv")}
    assert found == {"bell/2.wav": "not_present", "unclaimed.wav": "no_annotation"}
    assert report.excluded == 2
    metadata = {row["file_name"].split("/", 1)[1]: row for row in _rows(tmp_path / "out.zip", "metadata.csv")}
    assert metadata["both.wav"]["category"] == "Snare drum"
    assert (metadata["bell/3.wav"]["consensus"], metadata["bell/3.wav"]["verified"]) == ("PNP", "1")
    annotations = _rows(tmp_path / "out.zip", "annotations.csv")
    assert ("both.wav", "Bell", "0") in {(row["clip"], row["category"], row["released"]) for row in annotations}


def test_a_split_of_other_rows_is_not_followed_by_itself(tmp_path: Path) -> None:
    dataset = make_exportable()
    split = make_split(dataset=dataset)
    person, drum = make_participant(dataset, "user0099"), Category.objects.get(name="Snare drum")
    make_stored_clip(dataset, "new.wav", participant=person, categories=[drum])
    with pytest.raises(ExportError, match=r"other rows .*; 1 clips are of participants whom it does not know\. Run"):
        export_dataset(dataset=dataset, target=tmp_path / "out.zip")
    assert list(tmp_path.glob("out*")) == []
    export_dataset(dataset=dataset, target=tmp_path / "out.zip", split_number=split.number)
    assert _rows(tmp_path / "out.zip", "excluded.csv")[0]["reason"] == "no_split"


def test_an_absent_split_is_told(tmp_path: Path) -> None:
    dataset = make_exportable()
    with pytest.raises(ExportError, match=r"there is no split 7 \(there are: none\)"):
        export_dataset(dataset=dataset, target=tmp_path / "out.zip", split_number=7)
    assert not Split.objects.exists()


def test_a_dataset_without_clips_is_told(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="has no clip to split"):
        export_dataset(dataset=make_dataset("empty"), target=tmp_path / "out.zip")


def test_a_second_export_writes_nothing(tmp_path: Path) -> None:
    dataset = make_exportable()
    for target in (tmp_path / "out.zip", tmp_path / "out"):
        assert not export_dataset(dataset=dataset, target=target).unchanged
        before = target.stat()
        assert export_dataset(dataset=dataset, target=target).unchanged
        after = target.stat()  # not compared whole: the check whether anything changed reads the file
        assert (after.st_ino, after.st_size, after.st_mtime_ns) == (before.st_ino, before.st_size, before.st_mtime_ns)


@pytest.mark.parametrize("name", ["out.zip", "out"])
def test_an_earlier_export_is_replaced_by_the_new_state(tmp_path: Path, name: str) -> None:
    dataset = make_exportable()
    export_dataset(dataset=dataset, target=tmp_path / name)
    settle(CandidateAnnotation.objects.get(clip__name="bell/2.wav"), "NP")
    make_split(dataset=dataset)
    report = export_dataset(dataset=dataset, target=tmp_path / name)
    assert (report.clips, report.unchanged) == (8, False)
    assert not list((tmp_path / "out").rglob("bell/2.wav"))


@pytest.mark.parametrize("name", ["out.zip", "out"])
def test_what_no_export_wrote_is_left_alone(tmp_path: Path, name: str) -> None:
    dataset, target = make_exportable(), tmp_path / name
    if name == "out":
        target.mkdir()
        (target / "thesis.txt").write_text("mine")
    else:
        target.write_text("mine")
    with pytest.raises(ExportError, match="is no export of 'tiny'"):
        export_dataset(dataset=dataset, target=target)
    assert [path.read_text() for path in [*target.rglob("*.txt"), *tmp_path.glob("out.zip")]] == ["mine"]


def test_a_file_that_somebody_put_into_an_export_is_kept(tmp_path: Path) -> None:
    dataset = make_exportable()
    export_dataset(dataset=dataset, target=tmp_path / "out")
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(ExportError, match=r"holds 'notes\.txt', which no export wrote"):
        export_dataset(dataset=dataset, target=tmp_path / "out")


def test_an_export_of_another_dataset_is_left_alone(tmp_path: Path) -> None:
    export_dataset(dataset=make_exportable("one"), target=tmp_path / "out.zip")
    with pytest.raises(ExportError, match="is no export of 'two'"):
        export_dataset(dataset=make_exportable("two"), target=tmp_path / "out.zip")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.unlink(), "is missing from the storage"),
        (lambda path: path.write_bytes(path.read_bytes()[:-2]), "the stored audio is damaged"),
        (lambda path: path.write_bytes(b"RIFX" + path.read_bytes()[4:]), "its header is another"),
    ],
)
def test_damaged_audio_stops_the_export_and_leaves_nothing(
    tmp_path: Path, damage: Callable[[Path], object], message: str
) -> None:
    dataset = make_exportable()
    damage(Path(storages["audio"].path(Clip.objects.get(name="drum/2.wav").audio_key)))
    with pytest.raises(ExportError, match=message):
        export_dataset(dataset=dataset, target=tmp_path / "out.zip")
    assert list(tmp_path.glob("*out*")) == []


def test_the_release_is_frozen_and_reproduced(tmp_path: Path) -> None:
    dataset = make_exportable()
    export_dataset(dataset=dataset, target=tmp_path / "one.zip", version="1.0")
    release = Release.objects.get()
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        assert release.manifest == [
            [name, len(archive.read(name)), hashlib.sha256(archive.read(name)).hexdigest()]
            for name in sorted(archive.namelist())
        ]
        assert json.loads(archive.read("policy.json"))["release"] == "1.0"
    export_dataset(dataset=dataset, target=tmp_path / "two.zip", version="1.0")
    assert _sha256(tmp_path / "one.zip") == _sha256(tmp_path / "two.zip")
    assert Release.objects.count() == 1


def test_a_release_that_would_differ_says_what_changed(tmp_path: Path) -> None:
    dataset = make_exportable()
    export_dataset(dataset=dataset, target=tmp_path / "one.zip", version="1.0")
    settle(CandidateAnnotation.objects.get(clip__name="bell/2.wav"), "NP")
    with pytest.raises(ExportError, match=r"would differ now: \w+/bell/2\.wav is gone; README\.md differs; "):
        export_dataset(dataset=dataset, target=tmp_path / "two.zip", version="1.0")
    assert not (tmp_path / "two.zip").exists()


def test_a_release_of_changed_audio_says_which(tmp_path: Path) -> None:
    dataset = make_exportable()
    export_dataset(dataset=dataset, target=tmp_path / "one.zip", version="1.0")
    path = Path(storages["audio"].path(Clip.objects.get(name="drum/2.wav").audio_key))
    path.write_bytes(path.read_bytes()[:-2] + b"\1\1")
    with pytest.raises(ExportError, match=r"would differ now: checksums\.sha256 differs; \w+/drum/2\.wav differs\."):
        export_dataset(dataset=dataset, target=tmp_path / "two.zip", version="1.0")
    assert not (tmp_path / "two.zip").exists()


def test_a_release_keeps_its_split_and_policy(tmp_path: Path) -> None:
    dataset = make_exportable()
    export_dataset(dataset=dataset, target=tmp_path / "one.zip", version="1.0")
    make_split(dataset=dataset, train=0.25, val=0.5)
    export_dataset(dataset=dataset, target=tmp_path / "two.zip", version="1.0")
    assert _sha256(tmp_path / "one.zip") == _sha256(tmp_path / "two.zip")
    with pytest.raises(ExportError, match="follows split 1, not 2"):
        export_dataset(dataset=dataset, target=tmp_path / "two.zip", version="1.0", split_number=2)


def test_a_release_that_cannot_be_put_in_place_is_not_frozen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: Path, target: Path) -> None:
        raise PermissionError(13, "Permission denied", str(target))

    monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(ExportError, match="Permission denied"):
        export_dataset(dataset=make_exportable(), target=tmp_path / "one.zip", version="1.0")
    assert not Release.objects.exists()
    assert list(tmp_path.glob("*one*")) == []


@pytest.mark.parametrize("version", [" 1", "1\n", "x" * 33, "me@example.org"])
def test_a_text_that_is_no_version_is_refused(tmp_path: Path, version: str) -> None:
    with pytest.raises(ExportError, match="is no version"):
        export_dataset(dataset=make_exportable(), target=tmp_path / "one.zip", version=version)


def test_too_little_room_is_told_before_anything_is_written(tmp_path: Path) -> None:
    dataset = make_exportable()
    person = make_participant(dataset, "user0099")
    clip = make_clip(dataset, name="huge.wav", participant=person, frames=10**15)
    CandidateAnnotation.objects.create(
        dataset=dataset, clip=clip, category=Category.objects.get(name="Bell"), source="import"
    )
    with pytest.raises(ExportError, match="Make room first"):
        export_dataset(dataset=dataset, target=tmp_path / "out.zip")
    assert list(tmp_path.glob("*out*")) == []


def test_the_readme_has_the_class_and_split_table(tmp_path: Path) -> None:
    export_dataset(dataset=make_exportable(), target=tmp_path / "out")
    text = (tmp_path / "out" / "README.md").read_text()
    assert "| Bell | 5 | 2 | 1 | 2 | 4 | 1 | 1 | 2 |" in text
    assert "| Total | 9 | 3 | 2 | 4 | 4 | 1 | 1 | 2 |" in text
    assert "cc-by-4.0: 4 clips" in text


def test_the_readme_tells_of_votes_only_where_recordings_were_cut_and_of_gaps(tmp_path: Path) -> None:
    dataset = make_exportable()
    report = export_dataset(dataset=dataset, target=tmp_path / "out")
    text = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "came ready-cut" in text
    assert "voters" not in text
    assert "segments" not in text.split("## How it was made")[1]
    for gap in report.gaps:
        assert gap in text
        assert gap in report.summary()


def test_the_readme_tells_how_a_label_is_settled_and_how_not(tmp_path: Path) -> None:
    export_dataset(dataset=make_exportable(), target=tmp_path / "out")
    text = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "at least 2 annotators gave, and more than gave any other" in text
    assert "Where two answers lead equally it is undecided; unsure (U) settles nothing." in text
