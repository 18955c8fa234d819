from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import pytest
import soundfile
from django.core.files.storage import storages
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from curation.audio.segments import segment_bounds
from curation.domain.policy import Policy
from curation.models import CandidateAnnotation, Clip, Dataset, DatasetPolicy, Submission
from curation.services.audio_store import read_clip_samples
from curation.services.recordings import import_recordings
from curation.services.segmentation import SegmentReport, segment_dataset, submissions_without_clips
from tests.factories.audio import noise, tone, write_audio
from tests.factories.manifests import write_manifest
from tests.factories.rows import make_category, make_clip, make_dataset
from tests.factories.snapshots import all_files, all_rows

pytestmark = pytest.mark.django_db

RATE_HZ = 8_000
MANAGE = Path(__file__).resolve().parents[3] / "manage.py"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "in"


@pytest.fixture
def dataset() -> Dataset:
    dataset = make_dataset(segment_s=1.0, sample_rate_hz=RATE_HZ)
    make_category(dataset, "Bus")
    return dataset


def add_recording(
    dataset: Dataset,
    folder: Path,
    samples: NDArray[Any],
    rate_hz: int = RATE_HZ,
    *,
    submission: str = "14896147",
    accepted: bool = True,
    **options: str,
) -> Submission:
    write_audio(folder / f"{submission}.wav", samples, rate_hz, **options)
    row = {"path": f"{submission}.wav", "category": "Bus", "participant": "user0017", "submission": submission}
    manifest = write_manifest(folder / "manifest.csv", [row | {"title": "On the bus", "licence": "cc0-1.0"}])
    assert import_recordings(dataset=dataset, path=manifest, accepted=accepted).accepted == 1
    return Submission.objects.get(dataset=dataset, external_id=submission)


def stored_clips(submission: Submission) -> list[NDArray[np.int16]]:
    return [read_clip_samples(clip.audio_key)[0] for clip in submission.clips.order_by("segment_index")]


def test_a_recording_is_cut_sample_for_sample_under_the_papers_names(folder: Path) -> None:
    dataset = make_dataset()
    bus = make_category(dataset, "Bus")
    samples = np.concatenate([noise(441_000, seed=1), tone(1_000, 10.0), noise(123_456, seed=2)])
    submission = add_recording(dataset, folder, samples, 44_100)
    report = segment_dataset(dataset=dataset)
    assert (report.submissions, report.clips, report.refused) == (1, 2, [])
    clips = list(Clip.objects.order_by("segment_index"))
    assert [clip.name for clip in clips] == ["Bus_user0017_14896147_000.wav", "Bus_user0017_14896147_001.wav"]
    for index, (clip, stored) in enumerate(zip(clips, stored_clips(submission), strict=True)):
        np.testing.assert_array_equal(stored, samples[index * 441_000 : (index + 1) * 441_000])
        assert (clip.frames, clip.duration_s, clip.sample_rate_hz) == (441_000, 10.0, 44_100)
        assert (clip.participant, clip.title, clip.licence) == (submission.participant, "On the bus", "cc0-1.0")
        assert (clip.clipped_share, clip.silent_share) == (0, 0)
    assert clips[1].loudness_lufs == pytest.approx(-26, abs=0.1)  # 1 kHz at -23 dBFS, in one channel
    assert clips[1].true_peak_dbtp == pytest.approx(-23, abs=0.1)
    annotations = CandidateAnnotation.objects.values_list("clip__segment_index", "category", "source", "came_verified")
    assert list(annotations) == [(0, bus.pk, "submission", False), (1, bus.pk, "submission", False)]
    submission.refresh_from_db()
    assert submission.segmented_at is not None


def test_a_clip_is_a_plain_wav_file(dataset: Dataset, folder: Path) -> None:
    add_recording(dataset, folder, noise(8_000))
    segment_dataset(dataset=dataset)
    with storages["audio"].open(Clip.objects.get().audio_key) as file:
        info = soundfile.info(file)
    assert (info.samplerate, info.channels, info.subtype, info.frames) == (RATE_HZ, 1, "PCM_16", 8_000)


def test_another_format_is_mixed_and_resampled_as_librosa_does(folder: Path) -> None:
    dataset = make_dataset(segment_s=1.0)
    make_category(dataset, "Bus")
    wide = np.random.default_rng(0).uniform(-0.5, 0.5, (110_000, 2))
    submission = add_recording(dataset, folder, wide, 48_000, subtype="PCM_24")
    segment_dataset(dataset=dataset)
    source, _ = soundfile.read(folder / "14896147.wav", dtype="float32")
    wanted = librosa.resample(source.mean(axis=1), orig_sr=48_000, target_sr=44_100)
    wanted = np.clip(np.rint(wanted * 32_768), -32_768, 32_767)
    clips = stored_clips(submission)
    assert len(clips) == len(wanted) // 44_100 == 2
    for index, stored in enumerate(clips):
        np.testing.assert_allclose(stored, wanted[index * 44_100 : (index + 1) * 44_100], atol=1)


def test_the_segment_in_which_a_recording_is_clipped_says_so_after_resampling(folder: Path) -> None:
    dataset = make_dataset(segment_s=1.0)
    make_category(dataset, "Bus")
    samples = noise(3 * 48_000, 2)
    samples[60_000:84_000, 1] = 32_767  # half of the second segment, in one channel
    submission = add_recording(dataset, folder, samples, 48_000)
    segment_dataset(dataset=dataset)
    shares = list(submission.clips.order_by("segment_index").values_list("clipped_share", flat=True))
    assert shares == [0, pytest.approx(0.5), 0]


def test_spoken_digits_joined_to_long_recordings_are_cut_sample_for_sample(shared_data: Path, folder: Path) -> None:
    dataset = make_dataset(sample_rate_hz=RATE_HZ)
    make_category(dataset, "Bus")
    for place, speaker in enumerate(("george", "theo")):
        paths = sorted((shared_data / "fsdd" / "recordings").glob(f"*_{speaker}_[0-9].wav"))
        joined = np.concatenate([soundfile.read(path, dtype="int16")[0] for path in paths])
        submission = add_recording(dataset, folder, joined, submission=f"{place}")
        segment_dataset(dataset=dataset)
        clips = stored_clips(submission)
        assert len(clips) == len(joined) // 80_000 > 1
        np.testing.assert_array_equal(np.concatenate(clips), joined[: len(clips) * 80_000])


@given(st.integers(0, 10_000), st.integers(1, 3_000))
@settings(max_examples=200)
def test_every_sample_kept_is_kept_once(frames: int, segment_frames: int) -> None:
    bounds = segment_bounds(frames, segment_frames)
    kept = [sample for start, end in bounds for sample in range(start, end)]
    assert kept == list(range(frames - frames % segment_frames))
    assert all(end - start == segment_frames for start, end in bounds)


def test_a_second_run_changes_neither_rows_nor_files(dataset: Dataset, folder: Path, tmp_path: Path) -> None:
    add_recording(dataset, folder, noise(20_000))
    add_recording(dataset, folder, noise(7_999, seed=1), submission="short")
    segment_dataset(dataset=dataset)
    before = all_rows(), all_files(tmp_path / "storage")
    report = segment_dataset(dataset=dataset)
    assert (report.submissions, report.clips, report.refused) == (0, 0, [])
    assert (all_rows(), all_files(tmp_path / "storage")) == before


def test_a_recording_shorter_than_a_segment_is_reported_once(dataset: Dataset, folder: Path) -> None:
    submission = add_recording(dataset, folder, noise(7_999))
    report = segment_dataset(dataset=dataset)
    assert [(external_id, refused.reason) for external_id, refused in report.refused] == [
        ("14896147", "shorter_than_segment")
    ]
    submission.refresh_from_db()
    assert submission.segmented_at is not None
    assert not Clip.objects.exists()
    assert not segment_dataset(dataset=dataset).refused


@pytest.mark.parametrize("rate_hz", [44_100, 48_000, 11_025, 96_000])
def test_a_segment_comes_out_of_no_less_time_than_it_lasts(folder: Path, rate_hz: int) -> None:
    dataset = make_dataset()
    make_category(dataset, "Bus")
    enough = add_recording(dataset, folder, noise(10 * rate_hz), rate_hz, submission="enough")
    short = add_recording(dataset, folder, noise(10 * rate_hz - 1, seed=1), rate_hz, submission="short")
    report = segment_dataset(dataset=dataset)
    assert (enough.clips.get().frames, short.clips.count()) == (441_000, 0)
    ((external_id, refused),) = report.refused
    assert external_id == "short"
    assert refused.detail == (
        f"{10 * rate_hz - 1} samples at {rate_hz} Hz are less than a segment of 10 s, which takes {10 * rate_hz}. "
        "It gives no clip."
    )
    assert submissions_without_clips(dataset=dataset, report=SegmentReport()) == report.refused


def test_what_an_earlier_policy_found_too_short_is_not_called_less_than_todays_segment(
    dataset: Dataset, folder: Path
) -> None:
    add_recording(dataset, folder, noise(7_999))
    segment_dataset(dataset=dataset)
    shorter = Policy(segment_s=0.5, sample_rate_hz=RATE_HZ).to_document()
    DatasetPolicy.objects.create(dataset=dataset, version=2, document=shorter)
    ((_, refused),) = submissions_without_clips(dataset=dataset, report=SegmentReport())
    assert "were less than a segment of the policy that was in force when it was cut" in refused.detail


def test_only_accepted_submissions_are_cut_and_only_those_asked_for(dataset: Dataset, folder: Path) -> None:
    waiting = add_recording(dataset, folder, noise(8_000), submission="a", accepted=False)
    wanted = add_recording(dataset, folder, noise(8_000, seed=1), submission="b")
    other = add_recording(dataset, folder, noise(8_000, seed=2), submission="c")
    segment_dataset(dataset=dataset, submission_ids=[waiting.pk, wanted.pk])
    assert set(Clip.objects.values_list("submission", flat=True)) == {wanted.pk}
    segment_dataset(dataset=dataset, submission_ids=[])
    assert not other.clips.exists()


def test_another_datasets_submissions_are_left_alone(dataset: Dataset, folder: Path) -> None:
    submission = add_recording(dataset, folder, noise(8_000))
    assert segment_dataset(dataset=make_dataset(), submission_ids=[submission.pk]).submissions == 0


def test_a_missing_original_is_reported_and_tried_again(dataset: Dataset, folder: Path) -> None:
    submission = add_recording(dataset, folder, noise(8_000))
    with storages["audio"].open(submission.original_key) as file:
        content = file.read()
    storages["audio"].delete(submission.original_key)
    assert [refused.reason for _, refused in segment_dataset(dataset=dataset).refused] == ["original_missing"]
    with storages["audio"].open(submission.original_key, "wb") as file:
        file.write(content)
    assert segment_dataset(dataset=dataset).clips == 1


@pytest.mark.parametrize("name", ["Bus_user0017_14896147_001.wav", "bus_User0017_14896147_001.WAV"])
def test_a_name_that_an_imported_clip_has_is_reported(dataset: Dataset, folder: Path, name: str) -> None:
    submission = add_recording(dataset, folder, noise(16_000))
    make_clip(dataset, name=name)
    assert [refused.reason for _, refused in segment_dataset(dataset=dataset).refused] == ["name_taken"]
    submission.refresh_from_db()
    assert submission.segmented_at is None
    assert not submission.clips.exists()


def test_a_run_that_dies_inside_a_submission_is_completed_and_nothing_doubled(
    dataset: Dataset, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in range(3):
        add_recording(dataset, folder, noise(20_000, seed=place), submission=str(place))
    create, calls = CandidateAnnotation.objects.bulk_create, []

    def die_at_the_second(rows: Iterable[CandidateAnnotation]) -> list[CandidateAnnotation]:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return create(rows)

    with monkeypatch.context() as patch:
        patch.setattr(CandidateAnnotation.objects, "bulk_create", die_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            segment_dataset(dataset=dataset)
    assert (Clip.objects.count(), CandidateAnnotation.objects.count()) == (2, 2)
    assert Submission.objects.filter(segmented_at__isnull=True).count() == 2
    assert segment_dataset(dataset=dataset).clips == 4
    assert (Clip.objects.count(), CandidateAnnotation.objects.count()) == (6, 6)


def test_a_submission_cut_by_another_run_meanwhile_is_left_alone(dataset: Dataset, folder: Path) -> None:
    add_recording(dataset, folder, noise(20_000))
    asked = []

    def cut_at_once(done: int, total: int | None) -> None:
        if not asked:
            asked.append((done, total))
            segment_dataset(dataset=dataset)

    report = segment_dataset(dataset=dataset, progress=cut_at_once)
    assert (report.submissions, report.clips, report.refused) == (0, 0, [])
    assert Clip.objects.count() == 2


def test_several_processes_store_the_same_clips(dataset: Dataset, folder: Path, tmp_path: Path) -> None:
    other = make_dataset(segment_s=1.0, sample_rate_hz=RATE_HZ)
    make_category(other, "Bus")
    for place in range(5):
        for one in (dataset, other):
            add_recording(one, folder, noise(20_000, seed=place), submission=str(place))
    segment_dataset(dataset=dataset)
    files = {name: digest for name, (digest, _) in all_files(tmp_path / "storage").items()}
    segment_dataset(dataset=other, workers=2)
    assert {name: digest for name, (digest, _) in all_files(tmp_path / "storage").items()} == files
    columns = ("name", "audio_key", "frames", "loudness_lufs", "true_peak_dbtp")
    first, second = (list(one.clips.values_list(*columns)) for one in (dataset, other))
    assert first == second
    assert len(first) == 10


def test_queries_grow_with_submissions_not_with_clips(
    dataset: Dataset, folder: Path, django_assert_max_num_queries: Any
) -> None:
    add_recording(dataset, folder, noise(400_000, level=0.01))
    with django_assert_max_num_queries(12):
        assert segment_dataset(dataset=dataset).clips == 50


def _processes_with(setting: str) -> list[str]:
    """Return the processes that have a setting in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if setting.encode() in path.read_bytes().split(b"\0"):
                found.append(path.parent.name)
        except OSError:  # gone meanwhile, or somebody else's
            continue
    return found


@pytest.mark.faults
def test_a_killed_command_is_completed_by_the_next(folder: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    environment = os.environ | {"EARMARK_DATA_DIR": str(data), "DATABASE_URL": f"sqlite:///{tmp_path}/killed.sqlite3"}

    def manage(*words: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(MANAGE), *words]
        return subprocess.Popen(  # noqa: S603 -- this project's own program
            command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def finish(process: subprocess.Popen[str]) -> str:
        out, error = process.communicate(timeout=120)
        assert process.returncode == 0, error
        return out

    rows = []
    for place in range(24):
        write_audio(folder / f"{place}.wav", noise(1_323_000, seed=place), 44_100)
        rows.append({"path": f"{place}.wav", "category": "Bus", "participant": "user0017", "submission": f"{place}"})
    (folder / "taxonomy.csv").write_text("id,name,parents,description\nbus,Bus,,\n", encoding="utf-8")
    finish(manage("migrate", "--verbosity", "0"))
    finish(manage("import_taxonomy", str(folder / "taxonomy.csv"), "--dataset", "scenes"))
    manifest = str(write_manifest(folder / "manifest.csv", rows))
    finish(manage("import_recordings", manifest, "--dataset", "scenes", "--accepted"))

    killed = manage("segment", "--dataset", "scenes", "--workers", "2")
    clips = data / "audio" / "clips"
    while killed.poll() is None and len(list(clips.rglob("*.wav"))) < 10:
        time.sleep(0.002)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    deadline = time.monotonic() + 20
    while _processes_with(f"EARMARK_DATA_DIR={data}"):
        assert time.monotonic() < deadline, "workers outlive the command"
        time.sleep(0.05)
    assert 10 <= len(list(clips.rglob("*.wav"))) < 72

    out = finish(manage("segment", "--dataset", "scenes"))
    assert "0 gave none" in out
    assert "0 submissions cut" in finish(manage("segment", "--dataset", "scenes"))
    found = sorted(clips.rglob("*.wav"))
    assert len(found) == 72
    for path in found:
        stored, _ = soundfile.read(path, dtype="int16")
        assert len(stored) == 441_000
    digests = {hashlib.sha256(path.read_bytes()).hexdigest() for path in found}
    assert len(digests) == 72
