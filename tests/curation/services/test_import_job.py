from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from django.utils import translation
from pytest_django import Settings

from curation.models import CandidateAnnotation, Category, Clip, Dataset, DatasetSummary, ImportRun, Job, JobState, User
from curation.registry import job_kinds
from curation.selectors.words import job_error
from curation.services import clips, import_job
from curation.services.job_leases import claim
from curation.services.job_requests import UnusableWishError, WishBusyError, ask_for_job
from curation.services.jobs import cancel, run_job
from tests.factories.audio import noise, write_audio
from tests.factories.manifests import write_manifest
from tests.factories.rows import make_category, make_dataset, make_user
from tests.factories.snapshots import all_rows

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sent")]

RATE_HZ = 8_000
WISH = {"manifest": "dogs/clips.csv", "audio_root": "dogs"}


@pytest.fixture
def folder(tmp_path: Path, settings: Settings) -> Path:
    settings.ENV = replace(settings.ENV, data_dir=tmp_path / "data", import_dir=tmp_path / "imports")
    (tmp_path / "imports" / "dogs").mkdir(parents=True)
    return tmp_path / "imports"


@pytest.fixture
def dataset() -> Dataset:
    dataset = make_dataset("dogs", sample_rate_hz=RATE_HZ, segment_s=1.0, min_clip_s=0.05, max_clip_s=2.0)
    make_category(dataset, "Bark")
    return dataset


@pytest.fixture
def curator() -> User:
    return make_user()


def write_clips(folder: Path, count: int, *, label: str = "Bark") -> list[dict[str, str]]:
    """Write clips with their manifest into ``dogs``; return its rows."""
    rows = []
    for number in range(count):
        write_audio(folder / "dogs" / f"{number}.wav", noise(800, seed=number), RATE_HZ)
        rows.append({"path": f"{number}.wav", "label": label, "verified": "1", "group": f"user{number % 3:04d}"})
    write_manifest(folder / "dogs" / "clips.csv", rows)
    return rows


def ask(dataset: Dataset, curator: User, kind: str = "import-clips", **said: str) -> Job:
    return ask_for_job(kind=job_kinds[kind], dataset=dataset, said=said or WISH, created_by=curator)


def done(job: Job) -> Job:
    run_job(job_id=job.pk)
    job.refresh_from_db()
    return job


def test_a_job_stores_the_clips_of_a_manifest_and_counts_them(dataset: Dataset, folder: Path, curator: User) -> None:
    write_clips(folder, 3)
    job = done(ask(dataset, curator))
    assert (job.state, job.error, job.created_by) == (JobState.DONE, "", curator)
    assert job.result == {
        "file": "dogs/clips.csv",
        "stored": 3,
        "known": 0,
        "refused": 0,
        "refused_list": "",
        "refusals": [],
    }
    assert (Clip.objects.count(), CandidateAnnotation.objects.count()) == (3, 3)
    assert DatasetSummary.objects.get(dataset=dataset).document["stages"]["clips"][0] == 3


def test_a_second_import_of_the_same_changes_nothing(dataset: Dataset, folder: Path, curator: User) -> None:
    write_clips(folder, 3)
    done(ask(dataset, curator))
    before = all_rows() | {"curation.Job": []}
    job = done(ask(dataset, curator))
    assert (job.state, job.result["stored"], job.result["known"]) == (JobState.DONE, 0, 3)
    assert all_rows() | {"curation.Job": []} == before


def test_the_audio_lies_beside_the_manifest_where_nothing_else_is_said(
    dataset: Dataset, folder: Path, curator: User
) -> None:
    write_clips(folder, 2)
    job = ask(dataset, curator, manifest="dogs/clips.csv")
    assert job.parameters == WISH
    assert done(job).result["stored"] == 2


def test_refused_rows_are_listed_beside_the_manifest_and_begin_in_the_result(
    dataset: Dataset, folder: Path, curator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_job, "MAX_LISTED", 2)
    rows = write_clips(folder, 4)
    for row in rows[1:]:
        row["label"] = "Moo" + 600 * "o"
    write_manifest(folder / "dogs" / "clips.csv", rows)
    job = done(ask(dataset, curator))
    assert (job.state, job.result["stored"], job.result["refused"]) == (JobState.DONE, 1, 3)
    assert job.result["refused_list"] == "dogs/clips.refused.csv"
    assert [(one["line"], one["reason"]) for one in job.result["refusals"]] == [
        (3, "unknown_category"),
        (4, "unknown_category"),
    ]
    assert "'Mooo" in job.result["refusals"][0]["detail"]
    assert len(job.result["refusals"][0]["detail"]) == 500
    assert (folder / "dogs" / "clips.refused.csv").read_text().count("unknown_category") == 3


def test_an_import_of_which_all_rows_are_refused_fails_once_with_the_counts(
    dataset: Dataset, folder: Path, curator: User
) -> None:
    write_clips(folder, 2, label="Moo")
    job = done(ask(dataset, curator))
    assert (job.state, job.attempts) == (JobState.FAILED, 1)
    assert job.error == (
        "clips.csv: 0 annotations stored, 0 known already, 2 refused.\n"
        "  unknown_category: 2\n"
        "The refused rows stand in dogs/clips.refused.csv."
    )


def test_a_manifest_that_cannot_be_used_fails_once_with_the_remedy(
    dataset: Dataset, folder: Path, curator: User
) -> None:
    (folder / "dogs" / "clips.csv").write_text("path,label\na.wav,Bark\n", encoding="utf-8")
    job = done(ask(dataset, curator))
    assert (job.state, job.attempts) == (JobState.FAILED, 1)
    assert "the column 'verified' is missing" in job.error


def test_what_went_wrong_is_said_in_the_language_of_the_reader(dataset: Dataset, folder: Path, curator: User) -> None:
    write_clips(folder, 2, label="Moo")
    refused = done(ask(dataset, curator))
    (folder / "dogs" / "clips.csv").write_text("path;label\na.wav;Bark\n", encoding="utf-8")
    unusable = done(ask(dataset, curator))
    (folder / "dogs" / "clips.csv").write_text("path,label\n", encoding="utf-8")
    waiting = ask(dataset, curator)
    (folder / "dogs" / "clips.csv").unlink()
    gone = done(waiting)
    assert [job_error(job) for job in (refused, unusable, gone)] == [refused.error, unusable.error, gone.error]
    assert unusable.error.endswith("Its fields are apart by semicolons; save it with commas between them.")
    with translation.override("ko"):
        assert job_error(refused) == (
            "clips.csv: 주석 0개 저장됨, 0개 이미 있음, 2개 거부됨.\n"
            "  unknown_category: 2\n"
            "거부된 행은 dogs/clips.refused.csv 파일에 있습니다."
        )
        assert job_error(unusable).endswith("필드가 세미콜론으로 나뉘어 있습니다. 쉼표로 나누어 저장하세요.")
        assert job_error(gone).startswith(f"가져오기 폴더({folder})에 파일 'dogs/clips.csv' 항목이 없습니다.")
        # Of an attempt that failed otherwise since, the row itself says what went wrong.
        gone.error = "OSError: the disk is full"
        assert job_error(gone) == gone.error


def test_what_is_gone_when_the_job_runs_fails_it_once(dataset: Dataset, folder: Path, curator: User) -> None:
    write_clips(folder, 1)
    job = ask(dataset, curator)
    (folder / "dogs" / "clips.csv").unlink()
    done(job)
    assert (job.state, job.attempts) == (JobState.FAILED, 1)
    assert job.error.startswith("There is no file 'dogs/clips.csv' in the folder of imports")


def test_a_folder_that_was_replaced_by_a_link_out_is_not_read(dataset: Dataset, folder: Path, curator: User) -> None:
    write_clips(folder, 1)
    job = ask(dataset, curator)
    (folder / "dogs").rename(folder.parent / "elsewhere")
    (folder / "dogs").symlink_to(folder.parent / "elsewhere")
    assert (done(job).state, Clip.objects.count()) == (JobState.FAILED, 0)
    assert "leads out" in job.error


def test_an_import_whose_worker_dies_between_batches_is_ended_by_the_next_attempt(
    dataset: Dataset, folder: Path, curator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clips, "WRITE_ROWS", 2)
    write_clips(folder, 6)
    create, calls = CandidateAnnotation.objects.bulk_create, []

    def die_at_the_third(rows: Iterable[CandidateAnnotation]) -> list[CandidateAnnotation]:
        calls.append(1)
        if len(calls) == 3:
            raise MemoryError
        return create(rows)

    job = ask(dataset, curator)
    with monkeypatch.context() as patch:
        patch.setattr(CandidateAnnotation.objects, "bulk_create", die_at_the_third)
        done(job)
    assert (job.state, job.attempts) == (JobState.QUEUED, 1)  # an error that may pass
    assert (Clip.objects.count(), CandidateAnnotation.objects.count()) == (4, 4)
    assert not ImportRun.objects.exists()
    assert not list((folder / "dogs").glob("*refused*"))
    Job.objects.update(available_at=None)
    done(job)
    assert (job.state, job.attempts) == (JobState.DONE, 2)
    assert (job.result["stored"], job.result["known"]) == (2, 4)
    assert (Clip.objects.count(), CandidateAnnotation.objects.count()) == (6, 6)


def test_progress_is_told_of_all_lines_from_the_first_batch_on(
    dataset: Dataset, folder: Path, curator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clips, "WRITE_ROWS", 2)
    write_clips(folder, 5)
    told: list[tuple[int, int | None]] = []
    job = ask(dataset, curator)
    monkeypatch.setattr(
        "curation.services.job_runner.JobContext.progress", lambda _, reached, total: told.append((reached, total))
    )
    done(job)
    assert told[:3] == [(2, 6), (4, 6), (5, 6)]
    assert {total for _, total in told} == {6}


def test_wishes_for_one_manifest_are_one_job_and_another_folder_is_told_to_wait(
    dataset: Dataset, folder: Path, curator: User
) -> None:
    write_clips(folder, 1)
    write_manifest(folder / "dogs" / "more.csv", [{"path": "0.wav"}])
    job = ask(dataset, curator)
    assert ask(dataset, curator, manifest="./dogs/clips.csv") == job
    assert ask(dataset, curator, manifest="dogs/more.csv") != job
    with pytest.raises(WishBusyError, match=rf"Job {job.pk} does this with manifest dogs/clips\.csv, audio_root dogs"):
        ask(dataset, curator, manifest="dogs/clips.csv", audio_root=".")
    cancel(job=job)
    assert ask(dataset, curator, manifest="dogs/clips.csv", audio_root=".") != job


def test_a_wish_that_is_told_to_wait_does_not_revive_a_job_that_is_being_stopped(
    dataset: Dataset, folder: Path, curator: User
) -> None:
    write_clips(folder, 1)
    job = ask(dataset, curator)
    assert claim(job_id=job.pk)
    cancel(job=job)
    with pytest.raises(WishBusyError):
        ask(dataset, curator, manifest="dogs/clips.csv", audio_root=".")
    job.refresh_from_db()
    assert (job.state, job.cancel_requested, job.run_again) == (JobState.RUNNING, True, False)
    assert ask(dataset, curator) == job
    job.refresh_from_db()
    assert job.run_again


@pytest.mark.parametrize(
    ("kind", "said", "field", "detail"),
    [
        ("import-clips", {"audio_root": "dogs"}, "manifest", "import-clips needs it."),
        ("import-clips", {"manifest": "../clips.csv"}, "manifest", "leads out"),
        ("import-clips", {"manifest": "dogs/none.csv"}, "manifest", "There is no file"),
        ("import-clips", {**WISH, "audio_root": ".."}, "audio_root", "leads out"),
        ("import-clips", {**WISH, "audio_root": "cats"}, "audio_root", "There is no folder"),
        ("import-clips", {**WISH, "file": "x"}, "file", "It takes: manifest, audio_root."),
        ("import-taxonomy", {"file": "/etc/passwd"}, "file", "leads out"),
        ("segment", {"manifest": "dogs/clips.csv"}, "manifest", "segment takes no manifest. It takes: nothing."),
    ],
)
def test_a_wish_that_cannot_be_met_is_refused_by_field_before_there_is_a_job(
    dataset: Dataset, folder: Path, curator: User, kind: str, said: dict[str, str], field: str, detail: str
) -> None:
    write_clips(folder, 1)
    with pytest.raises(UnusableWishError) as refusal:
        ask(dataset, curator, kind, **said)
    assert refusal.value.field == field
    assert detail in refusal.value.detail
    assert not Job.objects.exists()


def test_categories_come_in_by_a_job(dataset: Dataset, folder: Path, curator: User) -> None:
    (folder / "taxonomy.csv").write_text("id,name,parents,description\nm,Meow,,\nx,Moo,nowhere,\n", encoding="utf-8")
    job = done(ask(dataset, curator, "import-taxonomy", file="taxonomy.csv"))
    assert (job.state, job.result["stored"], job.result["refused"]) == (JobState.DONE, 1, 1)
    assert job.result["refusals"][0]["line"] == 3
    assert set(Category.objects.values_list("name", flat=True)) == {"Bark", "Meow"}
    assert (job.progress_done, job.progress_total) == (2, 2)


def test_a_file_that_holds_no_categories_fails_once(dataset: Dataset, folder: Path, curator: User) -> None:
    (folder / "ontology.json").write_text("{}", encoding="utf-8")
    job = done(ask(dataset, curator, "import-taxonomy", file="ontology.json"))
    assert (job.state, job.attempts) == (JobState.FAILED, 1)
    assert "ontology.json" in job.error
