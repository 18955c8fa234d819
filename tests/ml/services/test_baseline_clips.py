from __future__ import annotations

import re
from pathlib import Path

import pytest

from curation.services.csv_rows import UnusableFileError
from curation.services.splits import make_split
from ml.services.baseline_clips import clips_of_dataset, clips_of_manifest
from tests.factories.audio import noise, write_audio
from tests.factories.exports import make_exportable, make_stored_clip, settle
from tests.factories.rows import make_category, make_participant


def manifest(folder: Path, *rows: str) -> Path:
    for name in ("a.wav", "b/c.wav"):
        write_audio(folder / "audio" / name, noise(800), 8_000)
    path = folder / "m.csv"
    path.write_text("\n".join(["clip,split,label", *rows]) + "\n", encoding="utf-8")
    return path


def test_a_manifest_says_part_and_label_of_each_clip(tmp_path: Path) -> None:
    found = clips_of_manifest(manifest(tmp_path, "a.wav,train,Bus", "b/c.wav,test,Car"), audio_root=tmp_path / "audio")
    assert [(clip.name, clip.part, clip.label) for clip in found.clips] == [
        ("a.wav", "train", "Bus"),
        ("b/c.wav", "test", "Car"),
    ]
    assert found.classes == ("Bus", "Car")
    assert (found.numbers("train"), found.numbers("val"), found.numbers("test")) == ([0], [], [1])
    assert found.source["manifest"] == "m.csv"
    for _ in range(2):  # features first, and again where they are computed anew
        with found.clips[1].audio() as path:
            assert path == tmp_path / "audio" / "b/c.wav"


def test_all_faults_of_a_manifest_are_told_with_their_lines(tmp_path: Path) -> None:
    rows = [
        "a.wav,train,Bus",
        "a.wav,test,Bus",
        "b/c.wav,dev,Bus",
        "b/c.wav,val,",
        "none.wav,val,Bus",
        "../m.csv,val,B",
    ]
    with pytest.raises(UnusableFileError) as caught:
        clips_of_manifest(manifest(tmp_path, *rows), audio_root=tmp_path / "audio")
    told = str(caught.value).splitlines()
    assert "5 rows cannot be used" in told[0]
    for line, words in zip(
        told[1:],
        ["line 3: a.wav stands there already", "line 4: split is 'dev'; expected train, val or test",
         "line 5: label is empty", "line 6: clip 'none.wav'", r"line 7: clip '../m.csv' lies outside"],
        strict=True,
    ):  # fmt: skip
        assert words in line


def test_many_faults_are_counted(tmp_path: Path) -> None:
    with pytest.raises(UnusableFileError, match="and 3 more"):
        clips_of_manifest(manifest(tmp_path, *["a.wav,train,"] * 23), audio_root=tmp_path / "audio")


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnusableFileError, match=re.escape(f"{tmp_path / 'none'}: there is no such folder")):
        clips_of_manifest(manifest(tmp_path), audio_root=tmp_path / "none")


@pytest.mark.django_db
def test_a_dataset_gives_the_clips_of_its_latest_split() -> None:
    dataset = make_exportable()
    make_split(dataset=dataset)
    latest = make_split(dataset=dataset, train="0.25", val="0.25")
    found = clips_of_dataset(dataset)
    assert found.source == {"dataset": "tiny", "split": 2, "manifest_sha256": latest.manifest_sha256}
    assert [(clip.name, clip.label) for clip in found.clips] == [
        (f"{label}/{number}.wav", name)
        for label, name in (("bell", "Bell"), ("drum", "Snare drum"))
        for number in range(1, 5)
    ]
    parts = dict(latest.assignments.values_list("participant__code", "subset"))
    assert {clip.name: clip.part for clip in found.clips} == {
        f"{label}/{number}.wav": parts[f"user{number:04d}"] for label in ("bell", "drum") for number in range(1, 5)
    }
    with found.clips[0].audio() as path:
        assert path.read_bytes()[:4] == b"RIFF"


@pytest.mark.django_db
def test_clips_that_a_baseline_cannot_use_are_counted() -> None:
    dataset = make_exportable()
    make_split(dataset=dataset)
    settle(dataset.annotations.get(clip__name="bell/2.wav"), "NP")
    late = make_participant(dataset, "user0009")
    make_stored_clip(dataset, "late.wav", participant=late, categories=[make_category(dataset, "Gong")])
    found = clips_of_dataset(dataset)
    assert found.left_out == {"no_class": 1, "no_split": 1, "several_classes": 1}
    assert len(found.clips) == 7
    assert "Gong" not in found.classes


@pytest.mark.django_db
def test_a_dataset_without_a_split_is_refused() -> None:
    with pytest.raises(ValueError, match=r"has no split. Run `manage.py split --dataset tiny` first"):
        clips_of_dataset(make_exportable())
