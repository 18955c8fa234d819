from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.storage import storages

from curation.models import Clip, CollectionTask, Dataset, ImportRun, Participant, Submission, SubmissionState
from curation.services import row_import, stored_files
from curation.services.recordings import import_recordings
from curation.services.row_import import ImportReport
from curation.services.segmentation import segment_dataset
from tests.factories.audio import flac_claiming, noise, wav_bytes, write_audio
from tests.factories.manifests import refused_rows, write_manifest
from tests.factories.rows import make_category, make_dataset, make_participant
from tests.factories.snapshots import all_files, all_rows

pytestmark = pytest.mark.django_db

RATE_HZ = 8_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "in"


@pytest.fixture
def dataset() -> Dataset:
    dataset = make_dataset(segment_s=1.0, sample_rate_hz=RATE_HZ)
    make_category(dataset, "Bus")
    return dataset


def row(path: str = "a.wav", **more: str) -> dict[str, str]:
    return {"path": path, "category": "Bus", "participant": "user0017", **more}


def take(dataset: Dataset, folder: Path, *rows: dict[str, str], **options: Any) -> ImportReport:
    manifest = write_manifest(folder / "manifest.csv", rows)
    return import_recordings(dataset=dataset, path=manifest, **options)


def reasons(report: ImportReport) -> dict[str, int]:
    return dict(report.refusals_by_reason)


@pytest.mark.parametrize("batch_rows", [1, 500])
def test_file_names_carry_nobody_elses_code_whatever_the_batches(
    dataset: Dataset, folder: Path, monkeypatch: pytest.MonkeyPatch, batch_rows: int
) -> None:
    monkeypatch.setattr(row_import, "BATCH_ROWS", batch_rows)
    codes = ("alice", "user0001", "bob", "user0003")
    for seed, code in enumerate(codes):
        write_audio(folder / f"{code}.wav", noise(8_000, seed=seed), RATE_HZ)
    take(dataset, folder, *(row(f"{code}.wav", participant=code) for code in codes))
    numbers = dict(Participant.objects.values_list("code", "number"))
    assert numbers == {"alice": 4, "user0001": 1, "bob": 5, "user0003": 3}


def test_a_recording_becomes_a_submission_with_its_untouched_original(dataset: Dataset, folder: Path) -> None:
    source = write_audio(folder / "day" / "a.wav", noise(12_000, 2), 16_000, subtype="PCM_24")
    more = {
        "submission": "14896147",
        "device": "phone",
        "city": "Seoul",
        "recorded_at": "2024-05-01T14:30:00+09:00",
        "licence": "CC-BY-4.0",
        "source_url": "https://example.org/1",
        "title": "On the  bus",
    }
    report = take(dataset, folder, row("day/a.wav", **more))
    assert (report.accepted, report.refused) == (1, 0)
    submission = Submission.objects.get()
    assert (submission.external_id, submission.original_name) == ("14896147", "day/a.wav")
    assert (submission.participant.code, submission.participant.number) == ("user0017", 17)
    assert (submission.task.title, submission.task.category.name) == ("Bus", "Bus")
    assert submission.recorded_at == datetime(2024, 5, 1, 5, 30, tzinfo=UTC)
    assert (submission.licence, submission.title, submission.state) == ("cc-by-4.0", "On the bus", "undecided")
    assert (submission.container, submission.encoding, submission.sample_rate_hz) == ("WAV", "PCM_24", 16_000)
    assert (submission.channels, submission.frames, submission.duration_s) == (2, 12_000, 0.75)
    with storages["audio"].open(submission.original_key) as file:
        stored = file.read()
    assert stored == source.read_bytes()
    assert submission.original_sha256 == hashlib.sha256(stored).hexdigest()
    assert submission.original_bytes == len(stored)


def test_a_second_run_changes_neither_rows_nor_files(dataset: Dataset, folder: Path, tmp_path: Path) -> None:
    write_audio(folder / "a.wav", noise(9_000), RATE_HZ)
    write_audio(folder / "b.flac", noise(9_000, seed=1), RATE_HZ)
    (folder / "c.wav").write_bytes(b"")
    rows = (row("a.wav", submission="1"), row("b.flac"), row("c.wav"), row("d.wav"))
    take(dataset, folder, *rows)
    before = all_rows(), all_files(tmp_path / "storage")
    report = take(dataset, folder, *rows)
    assert (report.accepted, report.unchanged, report.refused) == (0, 2, 2)
    assert (all_rows(), all_files(tmp_path / "storage")) == before


def _broken(folder: Path) -> dict[str, str]:
    """Write one file per kind of damage; return the reason by name."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = wav_bytes(noise(8_000).tobytes())
    write_audio(folder / "whole.flac", noise(8_000), RATE_HZ)
    write_audio(folder / "whole.ogg", noise(8_000), RATE_HZ)
    flac, ogg = (folder / "whole.flac").read_bytes(), (folder / "whole.ogg").read_bytes()
    odd = noise(8_000).astype(np.float32) / 32_768
    odd[5_000] = np.nan
    write_audio(folder / "nan.wav", odd, RATE_HZ, subtype="FLOAT")
    odd[5_000] = np.inf
    write_audio(folder / "inf.wav", odd, RATE_HZ, subtype="FLOAT")
    files = {
        "empty.wav": (b"", "empty_file"),
        "text.wav": (b"this is no audio at all", "unsupported_container"),
        "short.wav": (whole[:-100], "truncated"),
        "short.ogg": (ogg[: len(ogg) // 2], "truncated"),
        "hollow.wav": (wav_bytes(b""), "no_samples"),
        "mute.wav": (wav_bytes(channels=0), "zero_channels"),
        "slow.wav": (wav_bytes(rate_hz=1), "sample_rate_out_of_range"),
        "fast.wav": (wav_bytes(rate_hz=2_000_000_000), "sample_rate_out_of_range"),
        "wide.wav": (wav_bytes(b"\0\0" * 1_024, channels=1_024), "too_many_channels"),
        "flac.wav": (flac, "wrong_extension"),
        "noname": (whole, "wrong_extension"),
        "claim.flac": (flac_claiming(flac, RATE_HZ * 100_000), "too_long"),
        "damaged.flac": (flac[:200] + bytes(200) + flac[400:], "undecodable"),
    }
    for name, (content, _) in files.items():
        (folder / name).write_bytes(content)
    return {"nan.wav": "not_finite", "inf.wav": "not_finite", **{name: reason for name, (_, reason) in files.items()}}


def test_each_broken_file_is_refused_by_its_reason_and_leaves_nothing(
    dataset: Dataset, folder: Path, tmp_path: Path
) -> None:
    broken = _broken(folder)
    write_audio(folder / "good.wav", noise(9_000, seed=7), RATE_HZ)
    names = [*broken, "good.wav"]
    report = take(dataset, folder, *(row(name, participant=f"p{place}") for place, name in enumerate(names)))
    found = {names[line - 2]: reason for line, reason in refused_rows(report)}
    if found.get("damaged.flac") == "truncated":  # where the decoder stops early instead of failing
        broken["damaged.flac"] = "truncated"
    assert found == broken
    assert report.accepted == 1
    assert list(Participant.objects.values_list("code", flat=True)) == [f"p{len(broken)}"]
    assert set(all_files(tmp_path / "storage")) == {f"audio/{Submission.objects.get().original_key}"}


def test_paths_stay_under_the_root(dataset: Dataset, folder: Path, tmp_path: Path) -> None:
    outside = write_audio(tmp_path / "secret.wav", noise(9_000), RATE_HZ)
    inside = write_audio(folder / "a.wav", noise(9_000, seed=1), RATE_HZ)
    write_audio(folder / "sub" / "b.wav", noise(9_000, seed=2), RATE_HZ)
    (folder / "link.wav").symlink_to(outside)
    (folder / "loop.wav").symlink_to(folder / "loop.wav")
    (folder / "inner.wav").symlink_to(folder / "sub" / "b.wav")
    names = [
        "../secret.wav",
        str(outside),
        "link.wav",
        "nowhere.wav",
        "loop.wav",
        "x" * 300,
        "sub",
        "",
        "x/../../other.wav",
    ]
    good = [str(inside), "inner.wav"]
    report = take(dataset, folder, *(row(name) for name in [*names, *good]))
    assert [reason for _, reason in refused_rows(report)] == [
        *["path_outside_root"] * 3,
        "file_missing",
        "file_missing",
        "value_too_long",
        "not_a_file",
        "path_missing",
        "path_outside_root",
    ]
    assert set(Submission.objects.values_list("original_name", flat=True)) == {"a.wav", "inner.wav"}


def test_backslashes_count_as_slashes(dataset: Dataset, folder: Path) -> None:
    write_audio(folder / "sub" / "b.wav", noise(9_000), RATE_HZ)
    assert take(dataset, folder, row("sub\\b.wav")).accepted == 1
    assert Submission.objects.get().original_name == "sub/b.wav"


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("category", "Tram", "unknown_category"),
        ("category", "", "unknown_category"),
        ("category", "Group", "category_abstract"),
        ("participant", "a@b.org", "participant_is_email"),
        ("participant", "", "bad_participant"),
        ("participant", "=cmd", "bad_participant"),
        ("submission", "a b", "bad_submission"),
        ("submission", "x" * 65, "bad_submission"),
        ("recorded_at", "yesterday", "bad_time"),
        ("recorded_at", "0001-01-01T00:00:00+10:00", "bad_time"),
        ("licence", "all-rights", "licence_not_allowed"),
        ("licence", "", "licence_not_allowed"),
        ("source_url", "javascript:alert(1)", "bad_url"),
        ("source_url", "https://", "bad_url"),
        ("source_url", "http://[", "bad_url"),
        ("title", "x" * 301, "value_too_long"),
        ("title", "a\x07b", "bad_text"),
    ],
)
def test_a_bad_field_is_refused_by_its_reason(folder: Path, field: str, value: str, reason: str) -> None:
    dataset = make_dataset(licences=("cc0-1.0",))
    make_category(dataset, "Bus")
    group = make_category(dataset, "Group")
    group.restrictions = ["abstract"]
    group.save()
    write_audio(folder / "a.wav", noise(9_000), RATE_HZ)
    report = take(dataset, folder, row(**{"licence": "CC0-1.0", field: value}))
    assert reasons(report) == {reason: 1}
    assert not Submission.objects.exists()
    assert not Participant.objects.exists()


def test_a_blacklisted_category_that_a_manifest_names_is_taken(dataset: Dataset, folder: Path) -> None:
    dataset.categories.update(restrictions=["blacklist"])
    write_audio(folder / "a.wav", noise(9_000), RATE_HZ)
    assert take(dataset, folder, row()).accepted == 1


def test_a_category_is_found_by_id_too(dataset: Dataset, folder: Path) -> None:
    write_audio(folder / "a.wav", noise(9_000), RATE_HZ)
    assert take(dataset, folder, row(category="/m/Bus")).accepted == 1


def test_a_time_without_offset_is_utc(dataset: Dataset, folder: Path) -> None:
    write_audio(folder / "a.wav", noise(9_000), RATE_HZ)
    take(dataset, folder, row(recorded_at="2024-05-01 14:30"))
    assert Submission.objects.get().recorded_at == datetime(2024, 5, 1, 14, 30, tzinfo=UTC)


def test_the_same_bytes_in_another_row_are_a_duplicate(dataset: Dataset, folder: Path) -> None:
    for name in ("a.wav", "b.wav", "c.wav"):
        write_audio(folder / name, noise(9_000), RATE_HZ)
    assert reasons(take(dataset, folder, row("a.wav"), row("b.wav"))) == {"duplicate_audio": 1}
    assert reasons(take(dataset, folder, row("c.wav", submission="77"))) == {"duplicate_audio": 1}
    assert Submission.objects.get().original_name == "a.wav"


def test_two_datasets_may_hold_one_recording(dataset: Dataset, folder: Path, tmp_path: Path) -> None:
    write_audio(folder / "a.wav", noise(9_000), RATE_HZ)
    other = make_dataset()
    make_category(other, "Bus")
    assert take(dataset, folder, row()).accepted == take(other, folder, row()).accepted == 1
    assert len(all_files(tmp_path / "storage")) == 1


def test_an_id_with_another_recording_is_a_conflict_and_leaves_no_file(
    dataset: Dataset, folder: Path, tmp_path: Path
) -> None:
    write_audio(folder / "a.wav", noise(9_000), RATE_HZ)
    write_audio(folder / "b.wav", noise(9_000, seed=1), RATE_HZ)
    take(dataset, folder, row("a.wav", submission="1"))
    assert reasons(take(dataset, folder, row("b.wav", submission="1"))) == {"conflicting_submission": 1}
    assert len(all_files(tmp_path / "storage")) == 1


@pytest.mark.parametrize("changed", [{"participant": "other"}, {"category": "Cafe"}, {"city": "Busan"}])
@pytest.mark.parametrize("submission", ["", "1"])
def test_a_known_row_that_says_something_else_is_a_conflict(
    dataset: Dataset, folder: Path, changed: dict[str, str], submission: str
) -> None:
    make_category(dataset, "Cafe")
    write_audio(folder / "a.wav", noise(9_000), RATE_HZ)
    take(dataset, folder, row(submission=submission))
    assert reasons(take(dataset, folder, row(submission=submission) | changed)) == {"conflicting_submission": 1}
    assert not Participant.objects.filter(code="other").exists()


def test_a_second_row_with_an_id_contradicts_the_first(dataset: Dataset, folder: Path) -> None:
    write_audio(folder / "a.wav", noise(9_000), RATE_HZ)
    write_audio(folder / "b.wav", noise(9_000, seed=1), RATE_HZ)
    report = take(dataset, folder, row("a.wav", submission="1"), row("b.wav", submission="1"))
    assert refused_rows(report) == [(3, "contradicting_row")]


def test_rows_without_id_get_the_next_free_numbers(dataset: Dataset, folder: Path) -> None:
    for place in range(4):
        write_audio(folder / f"{place}.wav", noise(9_000, seed=place), RATE_HZ)
    take(dataset, folder, row("0.wav", submission="41"))
    take(dataset, folder, row("1.wav"), row("2.wav", submission="42"), row("3.wav", submission="x-1"))
    ids = dict(Submission.objects.values_list("original_name", "external_id"))
    assert ids == {"0.wav": "41", "1.wav": "43", "2.wav": "42", "3.wav": "x-1"}


def test_the_same_name_in_two_folders_is_two_recordings(dataset: Dataset, folder: Path) -> None:
    write_audio(folder / "one" / "a.wav", noise(9_000), RATE_HZ)
    write_audio(folder / "two" / "a.wav", noise(9_000, seed=1), RATE_HZ)
    assert take(dataset, folder / "one", row()).accepted == 1
    assert take(dataset, folder / "two", row()).accepted == 1


def test_accepted_recordings_say_that_the_import_decided(dataset: Dataset, folder: Path) -> None:
    write_audio(folder / "a.wav", noise(9_000), RATE_HZ)
    take(dataset, folder, row(), accepted=True)
    submission = Submission.objects.get()
    assert (submission.state, submission.decision) == ("accepted", {"policy": 1, "by": "import"})
    assert submission.decided_at is not None


def test_undecided_recordings_are_accepted_by_a_later_run_and_rejected_ones_are_not(
    dataset: Dataset, folder: Path
) -> None:
    write_audio(folder / "a.wav", noise(9_000), RATE_HZ)
    write_audio(folder / "b.wav", noise(9_000, seed=1), RATE_HZ)
    rows = (row("a.wav"), row("b.wav"))
    take(dataset, folder, *rows)
    now = datetime(2024, 1, 1, tzinfo=UTC)
    Submission.objects.filter(original_name="b.wav").update(state=SubmissionState.REJECTED, decided_at=now)
    report = take(dataset, folder, *rows, accepted=True)
    assert (report.accepted, report.unchanged) == (1, 1)
    assert dict(Submission.objects.values_list("original_name", "state")) == {"a.wav": "accepted", "b.wav": "rejected"}
    assert take(dataset, folder, *rows, accepted=True).unchanged == 2


def test_unknown_participants_are_refused_on_request(dataset: Dataset, folder: Path) -> None:
    make_participant(dataset, "known")
    for place, name in enumerate(("a.wav", "b.wav")):
        write_audio(folder / name, noise(9_000, seed=place), RATE_HZ)
    rows = (row("a.wav", participant="known"), row("b.wav", participant="stranger"))
    report = take(dataset, folder, *rows, known_participants=True)
    assert (report.accepted, reasons(report)) == (1, {"unknown_participant": 1})


def test_a_task_of_the_category_is_used_again(dataset: Dataset, folder: Path) -> None:
    category = dataset.categories.get()
    task = CollectionTask.objects.create(dataset=dataset, category=category, title="Record a bus!")
    write_audio(folder / "a.wav", noise(9_000), RATE_HZ)
    take(dataset, folder, row())
    assert Submission.objects.get().task == task


def test_several_processes_store_the_same_rows(folder: Path, tmp_path: Path) -> None:
    stored = []
    rows = [row(f"{place}.wav", participant=f"p{place % 3}") for place in range(8)]
    for place in range(7):
        write_audio(folder / f"{place}.wav", noise(9_000, seed=place), RATE_HZ)
    (folder / "7.wav").write_bytes(b"")
    for workers in (1, 2):
        dataset = make_dataset()
        make_category(dataset, "Bus")
        report = take(dataset, folder, *rows, workers=workers)
        assert (report.accepted, reasons(report)) == (7, {"empty_file": 1})
        columns = ("external_id", "original_name", "original_key", "participant__code", "frames")
        stored.append(list(Submission.objects.filter(dataset=dataset).values_list(*columns)))
    assert stored[0] == stored[1]
    assert len(all_files(tmp_path / "storage")) == 7


def test_a_run_that_died_between_file_and_row_is_completed(
    dataset: Dataset, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_audio(folder / "a.wav", noise(9_000), RATE_HZ)
    with monkeypatch.context() as patch:
        patch.setattr(Submission.objects, "bulk_create", _interrupt)
        with pytest.raises(KeyboardInterrupt):
            take(dataset, folder, row())
    files = all_files(tmp_path / "storage")
    assert len(files) == 1
    assert not Submission.objects.exists()
    assert not Participant.objects.exists()
    assert take(dataset, folder, row()).accepted == 1
    assert all_files(tmp_path / "storage") == files


def _interrupt(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


def test_queries_do_not_grow_with_rows(dataset: Dataset, folder: Path, django_assert_max_num_queries: Any) -> None:
    for place in range(40):
        write_audio(folder / f"{place}.wav", noise(800, seed=place), RATE_HZ)
    with django_assert_max_num_queries(40):
        take(dataset, folder, *(row(f"{place}.wav", participant=f"p{place}") for place in range(40)))
    with django_assert_max_num_queries(30):
        take(dataset, folder, *(row(f"{place}.wav", participant=f"p{place}") for place in range(40)))
    assert ImportRun.objects.count() == 1


def test_an_id_is_never_drawn_that_a_row_further_down_gives(dataset: Dataset, folder: Path) -> None:
    rows = []
    for number in range(4):
        write_audio(folder / f"{number}.wav", noise(9_000, seed=number), RATE_HZ)
        rows.append(row(f"{number}.wav", submission=["", "", "2", "007"][number]))
    report = take(dataset, folder, *rows)
    assert (report.accepted, report.refused) == (4, 0)
    assert list(Submission.objects.order_by("original_name").values_list("external_id", flat=True)) == [
        "8",
        "9",
        "2",
        "007",
    ]


def test_files_survive_a_power_cut_before_rows_name_them(
    dataset: Dataset, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_audio(folder / "a.wav", noise(9_000), RATE_HZ)
    rows_when_durable: list[int] = []
    durable = stored_files._SYNC_OF_ONE_DISK

    def make_durable(descriptor: int) -> int:
        rows_when_durable.append(Submission.objects.count() + Clip.objects.count())
        return int(durable(descriptor)) if durable else 0

    monkeypatch.setattr(stored_files, "_SYNC_OF_ONE_DISK", make_durable)
    take(dataset, folder, row(), accepted=True)
    take(dataset, folder, row(), accepted=True)
    segment_dataset(dataset=dataset)
    segment_dataset(dataset=dataset)
    assert rows_when_durable == [0, 1]


def test_a_disk_that_keeps_nothing_stores_no_row(
    dataset: Dataset, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_audio(folder / "a.wav", noise(9_000), RATE_HZ)
    monkeypatch.setattr(stored_files, "_SYNC_OF_ONE_DISK", lambda _: -1)
    with pytest.raises(OSError, match="storage"):
        take(dataset, folder, row())
    assert not Submission.objects.exists()
