from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import pytest
import soundfile

from curation.models import CandidateAnnotation, Clip, Dataset, Participant
from curation.services import row_import
from curation.services.audio_store import read_clip_samples
from curation.services.clips import import_clips
from curation.services.row_import import ImportReport
from tests.factories.audio import noise, tone, write_audio
from tests.factories.manifests import refused_rows, write_manifest
from tests.factories.rows import make_category, make_clip, make_dataset
from tests.factories.snapshots import all_files, all_rows

pytestmark = pytest.mark.django_db

RATE_HZ = 8_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "in"


@pytest.fixture
def dataset() -> Dataset:
    dataset = make_dataset_of("Bark")
    make_category(dataset, "Meow")
    return dataset


def make_dataset_of(category: str) -> Dataset:
    dataset = make_dataset(sample_rate_hz=RATE_HZ, segment_s=1.0, min_clip_s=0.1, max_clip_s=2.0)
    make_category(dataset, category)
    return dataset


def row(path: str = "a.wav", **more: str) -> dict[str, str]:
    return {"path": path, "label": "Bark", "verified": "1", "group": "george", **more}


def take(dataset: Dataset, folder: Path, *rows: dict[str, str], **options: Any) -> ImportReport:
    return import_clips(dataset=dataset, path=write_manifest(folder / "manifest.csv", rows), **options)


def reasons(report: ImportReport) -> dict[str, int]:
    return dict(report.refusals_by_reason)


def test_a_clip_in_the_policys_format_keeps_every_sample(dataset: Dataset, folder: Path) -> None:
    samples = tone(440, 1.5, rate_hz=RATE_HZ)
    write_audio(folder / "dogs" / "a.flac", samples, RATE_HZ)
    more = {
        "licence": "CC0-1.0",
        "source_url": "https://example.org/1",
        "uploader": "someone",
        "tags": "dog, bark,dog",
        "title": "A dog",
        "verified": "no",
    }
    report = take(dataset, folder, row("dogs/a.flac", **more))
    assert (report.accepted, report.refused) == (1, 0)
    clip = Clip.objects.get()
    assert (clip.name, clip.source_path) == ("dogs/a.wav", "dogs/a.flac")
    assert (clip.participant.code, clip.licence, clip.uploader) == ("george", "cc0-1.0", "someone")
    assert (clip.tags, clip.title) == (["dog", "bark"], "A dog")
    assert (clip.frames, clip.duration_s, clip.sample_rate_hz) == (12_000, 1.5, RATE_HZ)
    stored, rate_hz = read_clip_samples(clip.audio_key)
    assert rate_hz == RATE_HZ
    np.testing.assert_array_equal(stored, samples)
    assert clip.true_peak_dbtp == pytest.approx(-23, abs=0.1)
    assert clip.loudness_lufs == pytest.approx(-27, abs=1.5)
    assert (clip.clipped_share, clip.silent_share) == (0, 0)
    annotation = CandidateAnnotation.objects.get()
    assert (annotation.category.name, annotation.source, annotation.came_verified) == ("Bark", "import", False)


def test_groups_leave_the_numbers_free_that_later_ones_name(
    dataset: Dataset, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_import, "BATCH_ROWS", 1)
    for seed, code in enumerate(("alice", "user0001")):
        write_audio(folder / f"{code}.wav", noise(8_000, seed=seed), RATE_HZ)
    take(dataset, folder, *(row(f"{code}.wav", group=code) for code in ("alice", "user0001")))
    assert dict(Participant.objects.values_list("code", "number")) == {"alice": 2, "user0001": 1}


def test_another_format_is_converted_as_librosa_does(dataset: Dataset, folder: Path) -> None:
    samples = noise(16_000, 2).astype(np.float32) / 32_768
    write_audio(folder / "a.wav", samples, 16_000, subtype="FLOAT")
    take(dataset, folder, row())
    stored, _ = read_clip_samples(Clip.objects.get().audio_key)
    wanted = librosa.resample(samples.mean(axis=1), orig_sr=16_000, target_sr=RATE_HZ)
    np.testing.assert_allclose(stored, np.rint(wanted * 32_768), atol=1)


@pytest.mark.parametrize(("rate_hz", "channels"), [(RATE_HZ, 1), (RATE_HZ, 2), (48_000, 1)])
def test_a_clipped_clip_says_so_whether_or_not_it_is_converted(
    dataset: Dataset, folder: Path, rate_hz: int, channels: int
) -> None:
    samples = noise(rate_hz, channels)
    samples[: rate_hz // 4] = -32_767
    write_audio(folder / "a.wav", samples, rate_hz)
    take(dataset, folder, row())
    assert Clip.objects.get().clipped_share == pytest.approx(0.25, abs=1e-4)


def test_several_labels_make_one_clip(dataset: Dataset, folder: Path) -> None:
    write_audio(folder / "a.wav", noise(8_000), RATE_HZ)
    report = take(dataset, folder, row(), row(label="Meow", verified="0"))
    assert report.accepted == 2
    clip = Clip.objects.get()
    answers = dict(clip.annotations.values_list("category__name", "came_verified"))
    assert answers == {"Bark": True, "Meow": False}


def test_a_label_may_come_later(dataset: Dataset, folder: Path) -> None:
    write_audio(folder / "a.wav", noise(8_000), RATE_HZ)
    take(dataset, folder, row())
    report = take(dataset, folder, row(), row(label="Meow"))
    assert (report.accepted, report.unchanged) == (1, 1)
    assert (Clip.objects.count(), CandidateAnnotation.objects.count()) == (1, 2)


def test_a_second_run_changes_neither_rows_nor_files(dataset: Dataset, folder: Path, tmp_path: Path) -> None:
    write_audio(folder / "a.wav", noise(8_000), RATE_HZ)
    write_audio(folder / "b.flac", noise(8_000, seed=1), 16_000)
    rows = (row(tags="x;y, z"), row(label="Meow", tags="x;y, z"), row("b.flac"), row("c.wav"))
    take(dataset, folder, *rows)
    before = all_rows(), all_files(tmp_path / "storage")
    report = take(dataset, folder, *rows)
    assert (report.accepted, report.unchanged, report.refused) == (0, 3, 1)
    assert (all_rows(), all_files(tmp_path / "storage")) == before


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"group": "jackson"}, "conflicting_group"),
        ({"licence": "cc0-1.0"}, "conflicting_clip"),
        ({"label": "Meow", "title": "Other"}, "conflicting_clip"),
        ({"verified": "0"}, "conflicting_annotation"),
        ({"label": "Meow", "group": "jackson"}, "conflicting_group"),
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_rows_of_one_clip_must_agree(
    dataset: Dataset, folder: Path, changed: dict[str, str], reason: str, *, at_once: bool
) -> None:
    write_audio(folder / "a.wav", noise(8_000), RATE_HZ)
    if at_once:
        if "label" not in changed:
            reason = "contradicting_row"  # the same path and label twice in one file
        report = take(dataset, folder, row(), row(**changed))
    else:
        take(dataset, folder, row())
        report = take(dataset, folder, row(**changed))
    assert reasons(report) == {reason: 1}
    assert list(Participant.objects.values_list("code", flat=True)) == ["george"]


def test_the_same_audio_under_another_name_is_a_duplicate(dataset: Dataset, folder: Path) -> None:
    write_audio(folder / "a.wav", noise(8_000), RATE_HZ)
    write_audio(folder / "b.wav", noise(8_000), RATE_HZ)
    assert reasons(take(dataset, folder, row("a.wav"), row("b.wav"))) == {"duplicate_audio": 1}
    assert reasons(take(dataset, folder, row("b.wav"))) == {"duplicate_audio": 1}


def test_a_known_name_with_other_audio_is_a_conflict_and_leaves_no_file(
    dataset: Dataset, folder: Path, tmp_path: Path
) -> None:
    write_audio(folder / "a.wav", noise(8_000), RATE_HZ)
    take(dataset, folder, row())
    files = all_files(tmp_path / "storage")
    write_audio(folder / "a.wav", noise(8_000, seed=1), RATE_HZ)
    assert reasons(take(dataset, folder, row())) == {"conflicting_audio": 1}
    assert all_files(tmp_path / "storage") == files


def test_two_files_cannot_give_one_clip_name(dataset: Dataset, folder: Path, tmp_path: Path) -> None:
    write_audio(folder / "a.wav", noise(8_000), RATE_HZ)
    write_audio(folder / "a.flac", noise(8_000, seed=1), RATE_HZ)
    make_clip(dataset, name="b.wav")
    write_audio(folder / "b.wav", noise(8_000, seed=2), RATE_HZ)
    report = take(dataset, folder, row("a.wav"), row("a.flac"), row("b.wav"))
    assert refused_rows(report) == [(3, "name_taken"), (4, "name_taken")]
    assert len(all_files(tmp_path / "storage")) == 2
    assert reasons(take(dataset, folder, row("a.flac"))) == {"name_taken": 1}


def test_a_refused_row_keeps_no_good_one_of_its_clip_out(dataset: Dataset, folder: Path) -> None:
    write_audio(folder / "a.wav", noise(8_000), RATE_HZ)
    report = take(dataset, folder, row(verified="maybe"), row(), row(verified="0"))
    assert refused_rows(report) == [(2, "bad_verified"), (4, "contradicting_row")]
    assert CandidateAnnotation.objects.get().came_verified


def test_a_file_that_becomes_no_clip_takes_no_name(dataset: Dataset, folder: Path, tmp_path: Path) -> None:
    (folder / "a.flac").parent.mkdir()
    (folder / "a.flac").write_bytes(b"")
    for name, seed in (("a.wav", 1), ("a.ogg", 2), ("c.flac", 3), ("b.flac", 3), ("b.wav", 4)):
        write_audio(folder / name, noise(8_000, seed=seed), RATE_HZ)
    report = take(dataset, folder, *map(row, ("a.flac", "a.wav", "a.ogg", "c.flac", "b.flac", "b.wav")))
    assert refused_rows(report) == [(2, "empty_file"), (4, "name_taken"), (6, "duplicate_audio")]
    assert sorted(Clip.objects.values_list("source_path", flat=True)) == ["a.wav", "b.wav", "c.flac"]
    assert len(all_files(tmp_path / "storage")) == 6


@pytest.mark.parametrize(
    ("first", "second"),
    [("Dog.wav", "dog.wav"), ("stra\u00dfe/1.wav", "STRASSE/1.wav"), ("\u00c9t\u00e9.wav", "e\u0301te\u0301.wav")],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_names_that_a_file_system_takes_for_one_are_taken(
    dataset: Dataset, folder: Path, tmp_path: Path, first: str, second: str, *, at_once: bool
) -> None:
    write_audio(folder / first, noise(8_000), RATE_HZ)
    write_audio(folder / second, noise(8_000, seed=1), RATE_HZ)
    if at_once:
        report = take(dataset, folder, row(first), row(second))
    else:
        take(dataset, folder, row(first))
        report = take(dataset, folder, row(second))
    assert reasons(report) == {"name_taken": 1}
    assert Clip.objects.get().name == first
    assert len(all_files(tmp_path / "storage")) == 2
    assert take(make_dataset_of("Bark"), folder, row(second)).accepted == 1


def test_names_that_were_stored_when_case_made_a_difference_stay(dataset: Dataset, folder: Path) -> None:
    for seed, name in enumerate(("Dog.wav", "dog.wav")):
        write_audio(folder / name, noise(8_000, seed=seed), RATE_HZ)
    take(dataset, folder, row("Dog.wav"))
    stored = Clip.objects.get()
    make_clip(
        dataset,
        name="dog.wav",
        source_path="dog.wav",
        original_sha256=hashlib.sha256((folder / "dog.wav").read_bytes()).hexdigest(),
        participant=stored.participant,
    )
    report = take(dataset, folder, row("Dog.wav"), row("dog.wav"))
    assert (report.accepted, report.unchanged, report.refused) == (1, 1, 0)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"label": "Tram"}, "unknown_category"),
        ({"verified": "maybe"}, "bad_verified"),
        ({"verified": ""}, "bad_verified"),
        ({"group": "a@b.org"}, "participant_is_email"),
        ({"group": ""}, "bad_participant"),
        ({"path": "nowhere.wav"}, "file_missing"),
        ({"path": "../a.wav"}, "path_outside_root"),
        ({"path": "empty.wav"}, "empty_file"),
        ({"path": "short.wav"}, "too_short"),
        ({"path": "long.wav"}, "too_long"),
        ({"source_url": "file:///etc/passwd"}, "bad_url"),
        ({"uploader": "x" * 201}, "value_too_long"),
        ({"tags": ",".join(map(str, range(201)))}, "value_too_long"),
        ({"tags": "dog;" + "x" * 101}, "value_too_long"),
    ],
)
def test_a_bad_row_is_refused_by_its_reason(
    dataset: Dataset, folder: Path, tmp_path: Path, changed: dict[str, str], reason: str
) -> None:
    write_audio(tmp_path / "a.wav", noise(8_000), RATE_HZ)
    write_audio(folder / "a.wav", noise(8_000), RATE_HZ)
    write_audio(folder / "short.wav", noise(700), RATE_HZ)
    write_audio(folder / "long.wav", noise(16_001), RATE_HZ)
    (folder / "empty.wav").write_bytes(b"")
    assert reasons(take(dataset, folder, row() | changed)) == {reason: 1}
    assert not Clip.objects.exists()
    assert not Participant.objects.exists()
    assert not all_files(tmp_path / "storage")


def test_dither_is_the_same_each_time(folder: Path) -> None:
    stored = []
    write_audio(folder / "a.wav", noise(16_000).astype(np.float32) / 32_768, 16_000, subtype="FLOAT")
    for _ in range(2):
        dataset = make_dataset(dither="tpdf", sample_rate_hz=RATE_HZ, segment_s=1.0)
        make_category(dataset, "Bark")
        take(dataset, folder, row())
        stored.append(read_clip_samples(Clip.objects.get(dataset=dataset).audio_key)[0])
    np.testing.assert_array_equal(*stored)


def test_several_processes_store_the_same_rows(dataset: Dataset, folder: Path) -> None:
    for place in range(6):
        write_audio(folder / f"{place}.wav", noise(8_000, seed=place), RATE_HZ)
    other = make_dataset(sample_rate_hz=RATE_HZ, segment_s=1.0)
    make_category(other, "Bark")
    rows = [row(f"{place}.wav") for place in range(6)]
    take(dataset, folder, *rows)
    take(other, folder, *rows, workers=2)
    columns = ("name", "audio_key", "frames", "loudness_lufs", "true_peak_dbtp", "silent_share", "participant__code")
    first, second = (list(one.clips.values_list(*columns)) for one in (dataset, other))
    assert first == second
    assert len(first) == 6


def test_queries_do_not_grow_with_rows(dataset: Dataset, folder: Path, django_assert_max_num_queries: Any) -> None:
    for place in range(40):
        write_audio(folder / f"{place}.wav", noise(900, seed=place), RATE_HZ)
    rows = [row(f"{place}.wav", group=f"p{place}") for place in range(40)]
    with django_assert_max_num_queries(30):
        assert take(dataset, folder, *rows).accepted == 40
    with django_assert_max_num_queries(25):
        assert take(dataset, folder, *rows).unchanged == 40


def test_spoken_digits_import_whole(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "fsdd" / "recordings"
    dataset = make_dataset(sample_rate_hz=RATE_HZ)
    for digit in range(10):
        make_category(dataset, str(digit))
    names = sorted(path.name for path in folder.glob("*_[0-2].wav"))
    rows = [
        {"path": name, "label": name.split("_")[0], "verified": "yes", "group": name.split("_")[1]} for name in names
    ]
    manifest = write_manifest(tmp_path / "manifest.csv", rows)
    report = import_clips(dataset=dataset, path=manifest, audio_root=folder)
    assert (report.accepted, report.refused) == (180, 0)
    assert Participant.objects.count() == 6
    clip = Clip.objects.get(name="7_theo_1.wav")
    wanted, _ = soundfile.read(folder / clip.name, dtype="int16")
    np.testing.assert_array_equal(read_clip_samples(clip.audio_key)[0], wanted)
