from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from curation.models import Clip, Dataset, DatasetSummary, Job, JobState, Submission, SubmissionState
from curation.services.job_leases import claim
from curation.services.jobs import enqueue
from tests.factories.audio import noise, write_audio
from tests.factories.manifests import write_manifest
from tests.factories.rows import make_category, make_dataset, make_submission

pytestmark = pytest.mark.django_db

RATE_HZ = 8_000


@pytest.fixture
def dataset() -> Dataset:
    dataset = make_dataset("scenes", segment_s=1.0, sample_rate_hz=RATE_HZ)
    make_category(dataset, "Bus")
    return dataset


def run(*words: str, **options: Any) -> int:
    try:
        call_command(*words, dataset="scenes", workers=1, **options)
    except SystemExit as stop:
        return int(stop.code or 0)
    except CommandError as error:
        return error.returncode
    return 0


RECORDING = {"path": "a.wav", "category": "Bus", "participant": "user0017", "submission": "14896147"}
CLIP = {"path": "a.wav", "label": "Bus", "verified": "1", "group": "george"}


def test_recordings_are_imported_and_cut(dataset: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_audio(tmp_path / "audio" / "a.wav", noise(20_000), RATE_HZ)
    manifest = str(write_manifest(tmp_path / "manifest.csv", [RECORDING]))
    assert run("import_recordings", manifest, audio_root=tmp_path / "audio", accepted=True) == 0
    assert "1 submissions stored" in capsys.readouterr().out
    assert run("segment") == 0
    assert "1 submissions cut into 2 clips, 0 gave none" in capsys.readouterr().out
    assert Submission.objects.get().dataset == dataset
    assert Clip.objects.count() == 2


@pytest.mark.parametrize("row", [RECORDING | {"path": "none.wav"}, RECORDING])
def test_the_counts_of_the_page_follow_an_import(dataset: Dataset, tmp_path: Path, row: dict[str, str]) -> None:
    write_audio(tmp_path / "a.wav", noise(20_000), RATE_HZ)
    refused = int(run("import_recordings", str(write_manifest(tmp_path / "m.csv", [row])), accepted=True) > 0)
    counted = DatasetSummary.objects.get(dataset=dataset).document["stages"]["recorded"]
    assert counted == [1 - refused, [["refused", refused]]]


@pytest.mark.usefixtures("dataset")
def test_a_short_recording_exits_1_with_its_reason_every_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_audio(tmp_path / "a.wav", noise(7_000), RATE_HZ)
    assert run("import_recordings", str(write_manifest(tmp_path / "m.csv", [RECORDING])), accepted=True) == 0
    listed = tmp_path / "short.refused.csv"
    assert run("segment", refused=listed) == 1
    assert "shorter_than_segment: 1" in capsys.readouterr().out
    header, line = listed.read_text(encoding="utf-8").splitlines()
    assert (header, line[:30]) == ("submission,reason,detail", "14896147,shorter_than_segment,")
    assert run("segment", refused=listed) == 1
    out = capsys.readouterr().out
    assert "0 submissions cut into 0 clips, 1 gave none.\n  shorter_than_segment: 1\n" in out
    assert "They gave none before already." in out
    assert listed.read_text(encoding="utf-8").splitlines() == [header, line]


def test_the_list_of_the_uncut_goes_when_all_is_cut(dataset: Dataset, tmp_path: Path) -> None:
    listed = tmp_path / "list.csv"
    listed.write_text("of an earlier run")
    make_submission(dataset)
    assert run("segment", refused=listed) == 0
    assert not listed.exists()


def test_the_list_of_the_uncut_stands_here_unless_a_place_is_named(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make_submission(dataset, state=SubmissionState.ACCEPTED, external_id="7")  # its audio file is not there
    assert run("segment") == 1
    assert "\n7,original_missing," in (tmp_path / "scenes.segment.refused.csv").read_text(encoding="utf-8")
    assert run("segment", refused=tmp_path / "none" / "list.csv") == 2


def test_segmentation_is_a_job_of_the_dataset(dataset: Dataset) -> None:
    assert run("segment") == 0
    job = Job.objects.get()
    assert (job.kind, job.dataset, job.state, job.result["clips"]) == ("segment", dataset, JobState.DONE, 0)


def test_a_second_segmentation_is_told_who_does_the_first(dataset: Dataset) -> None:
    job = claim(job_id=enqueue(kind="segment", dataset=dataset).pk)
    assert job
    with pytest.raises(CommandError, match=f"segment is being done by {job.worker}") as caught:
        call_command("segment", dataset="scenes", workers=1)
    assert caught.value.returncode == 2


@pytest.mark.parametrize(("command", "row"), [("import_recordings", RECORDING), ("import_clips", CLIP)])
def test_refused_rows_exit_1_and_are_listed(
    dataset: Dataset, tmp_path: Path, command: str, row: dict[str, str]
) -> None:
    write_audio(tmp_path / "a.wav", noise(20_000), RATE_HZ)
    manifest = write_manifest(tmp_path / "m.csv", [row, row | {"path": "b.wav", "submission": "2"}])
    assert run(command, str(manifest)) == 1
    assert "\n3,file_missing," in (tmp_path / "m.refused.csv").read_text(encoding="utf-8")
    assert dataset.submissions.count() + dataset.clips.count() == 1


@pytest.mark.parametrize(("command", "row"), [("import_recordings", RECORDING), ("import_clips", CLIP)])
def test_a_file_of_which_every_row_is_refused_exits_2_and_has_its_list(
    dataset: Dataset, tmp_path: Path, command: str, row: dict[str, str]
) -> None:
    manifest = write_manifest(tmp_path / "m.csv", [row])  # there is no such audio
    for _ in range(2):
        assert run(command, str(manifest)) == 2
        assert "\n2,file_missing," in (tmp_path / "m.refused.csv").read_text(encoding="utf-8")
    assert not dataset.clips.exists()


@pytest.mark.parametrize(("command", "row"), [("import_recordings", RECORDING), ("import_clips", CLIP)])
def test_rows_that_are_known_already_are_of_use_beside_refused_ones(
    tmp_path: Path, dataset: Dataset, command: str, row: dict[str, str]
) -> None:
    write_audio(tmp_path / "a.wav", noise(20_000), RATE_HZ)
    manifest = write_manifest(tmp_path / "m.csv", [row, row | {"path": "b.wav", "submission": "2"}])
    assert [run(command, str(manifest)) for _ in range(2)] == [1, 1]
    assert dataset.slug


@pytest.mark.parametrize("command", ["import_recordings", "import_clips"])
def test_what_cannot_be_used_exits_2_and_stores_nothing(dataset: Dataset, tmp_path: Path, command: str) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_bytes(b"path,category\n")
    latin = tmp_path / "latin.csv"
    latin.write_bytes("path,category,participant,label,verified,group\ncafé.wav,Bus,p,Bus,1,p\n".encode("latin-1"))
    assert run(command, str(bad)) == 2
    assert run(command, str(latin)) == 2
    assert run(command, str(tmp_path / "none.csv")) == 2
    assert run(command, str(write_manifest(tmp_path / "m.csv", [RECORDING | CLIP])), audio_root=tmp_path / "none") == 2
    assert not dataset.submissions.exists()
    assert not dataset.clips.exists()
    assert not list(tmp_path.glob("*.refused.csv"))


@pytest.mark.parametrize("command", [["segment"], ["import_recordings", "m.csv"], ["import_clips", "m.csv"]])
def test_an_unknown_dataset_exits_2(command: list[str]) -> None:
    assert run(*command) == 2


@pytest.mark.parametrize("command", [["segment"], ["import_recordings", "m.csv"], ["import_clips", "m.csv"]])
def test_no_workers_exit_2(dataset: Dataset, command: list[str]) -> None:
    with pytest.raises(CommandError, match="at least 1"):
        call_command(*command, dataset=dataset.slug, workers=0)
