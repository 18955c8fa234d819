"""Pretrained trunks in runs of a dataset: what is stored, what workers need, what they say."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.utils import translation

from curation.models import JobState
from ml.models import VerificationRun
from ml.networks import waveform_trunk
from ml.selectors.estimates import ESTIMATE, latest_estimate
from ml.selectors.runs import STEP, RunState, run_view
from ml.services import audio_features, run_cost, trunk_files
from ml.services.estimates import request_estimate
from ml.services.runs import RunRefusedError, cancel_run, resume_run
from ml.services.trunk_files import file_digest
from tests.factories.trunks import Flat, Levels, write_trunk
from tests.factories.verification_rows import Verifiable, make_verifiable, start, work

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> Verifiable:
    return make_verifiable()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EARMARK_TRUNK_DIR", str(tmp_path / "trunks"))
    return tmp_path / "trunks"


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note how many excerpts trunks hear in this process, trials included."""
    counts: list[int] = []
    embeddings = waveform_trunk.WaveformTrunk.embeddings

    def noted(trunk: waveform_trunk.WaveformTrunk, excerpt_WL: waveform_trunk.Tensor) -> waveform_trunk.Tensor:
        counts.append(len(excerpt_WL))
        return embeddings(trunk, excerpt_WL)

    monkeypatch.setattr(waveform_trunk.WaveformTrunk, "embeddings", noted)
    monkeypatch.setattr(audio_features, "BLOCK", 1_000)  # one block is heard in this process
    return counts


def state_of(run: VerificationRun) -> tuple[RunState, str]:
    run.refresh_from_db()
    view = run_view(run)
    return view.state, view.error


def test_a_run_keeps_name_and_digest_and_gives_each_label_a_voice_more(world: Verifiable, folder: Path) -> None:
    path = write_trunk(folder / "levels.pt", Levels())
    run = start(world, trunks=["levels"])
    stored = {"name": "levels.pt", "digest": file_digest(path), "sample_rate_hz": 8_000, "window_s": 0.2, "hop_s": 0.2}
    assert run.trunks == [{**stored, "numbers": 0}]

    jobs = work()

    assert state_of(run) == (RunState.DONE, "")
    assert run.trunks == [{**stored, "numbers": 3}]
    assert [member["name"] for member in run.plan["members"]] == ["cnn", "trunk levels.pt"]
    assert run.plan["members"][1]["features"]["trunk_digest"] == stored["digest"]
    assert {job.parameters["member"] for job in jobs if job.kind == STEP} == {0, 1}
    assert {len(row.p_members) for row in run.predictions.all()} == {2}


def test_a_second_run_hears_nothing_and_heads_need_neither_audio_nor_trunk(
    world: Verifiable, folder: Path, heard: list[int]
) -> None:
    path = write_trunk(folder / "levels.pt", Levels())
    first = start(world, trunks=["levels.pt"])
    (prepared,) = work(most=1)
    assert prepared.result["computed"] == 16
    assert heard == [waveform_trunk.TRIED] + 16 * [2]  # 0.3 s take two excerpts of 0.2 s
    content = path.read_bytes()
    path.unlink()
    work()
    assert state_of(first)[0] == RunState.DONE
    path.write_bytes(content)
    heard.clear()

    second = start(world, trunks=["levels.pt"], seed=1)

    assert second.trunks[0]["digest"] == first.trunks[0]["digest"]
    assert work(most=1)[0].result["computed"] == 0
    assert heard == [waveform_trunk.TRIED]


@pytest.mark.parametrize("change", ["gone", "other"])
def test_a_worker_without_the_very_file_says_what_to_do(world: Verifiable, folder: Path, change: str) -> None:
    path = write_trunk(folder / "levels.pt", Levels())
    run = start(world, trunks=["levels.pt"])
    content, digest = path.read_bytes(), file_digest(path)
    path.unlink()
    if change == "other":
        write_trunk(path)
    (job,) = work()
    state, error = state_of(run)
    assert (job.state, state) == (JobState.FAILED, RunState.FAILED)
    told = "this worker has no such trunk." if change == "gone" else "is another file (SHA-256 "
    assert error.startswith("levels.pt")
    assert str(folder) not in error  # pages show it
    assert told in error
    assert f"Put the file there that the run began with (SHA-256 {digest}), and resume the run." in error
    with translation.override("ko"):
        assert f"실행을 시작할 때의 파일(SHA-256 {digest})을 그곳에 넣고 실행을 재개하세요." in state_of(run)[1]
    path.write_bytes(content)
    resume_run(run=run, by=world.curator)
    work()
    assert state_of(run) == (RunState.DONE, "")


def test_a_trunk_that_gives_no_embeddings_fails_the_run_before_anything_is_heard(
    world: Verifiable, folder: Path
) -> None:
    write_trunk(folder / "flat.pt", Flat())
    run = start(world, trunks=["flat.pt"])
    (job,) = work()
    assert job.state == JobState.FAILED
    assert "Trunk flat.pt: embedding of shape (3200,): expected one row for each clip of the batch." in job.error
    assert state_of(run)[0] == RunState.FAILED


def test_what_cannot_be_used_is_refused_before_a_run_is_stored(world: Verifiable, folder: Path) -> None:
    write_trunk(folder / "levels.pt", Levels())
    (folder / "copy.pt").write_bytes((folder / "levels.pt").read_bytes())
    (folder / "copy.toml").write_bytes((folder / "levels.toml").read_bytes())
    write_trunk(folder / "silent.pt", description=None)
    for trunks, told in (
        (["panns"], "There is no trunk 'panns' in the operator's folder \\(known: copy.pt, levels.pt, silent.pt\\)."),
        (["../levels.pt"], "There is no trunk '../levels.pt'"),
        (["silent.pt"], "Trunk silent.pt: none stands beside it. Write one file silent.toml or silent.json"),
        (["copy", "levels"], "copy.pt and levels.pt are the same file"),
        (9 * ["levels"], "9 trunks: expected at most 8"),
    ):
        with pytest.raises(RunRefusedError, match=told) as refused:
            start(world, trunks=trunks)
        assert refused.value.reason == "unusable_trunk"
        assert str(folder) not in refused.value.detail


def test_what_cannot_be_used_is_refused_in_the_language_of_the_reader(world: Verifiable, folder: Path) -> None:
    write_trunk(folder / "silent.pt", description=None)
    with (
        translation.override("ko"),
        pytest.raises(RunRefusedError, match=r"^트렁크 silent\.pt: 옆에 설명 파일이") as refused,
    ):
        start(world, trunks=["silent"])
    assert "silent.toml 또는 silent.json 파일 하나에" in refused.value.detail


def test_a_description_that_may_not_be_read_is_told_without_the_operators_folder(
    world: Verifiable, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_trunk(folder / "levels.pt", Levels())

    def forbid(self: Path, **_: object) -> str:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "read_text", forbid)
    with pytest.raises(RunRefusedError, match=r"^levels\.toml cannot be read: Permission denied\. Write") as refused:
        start(world, trunks=[path.name])
    assert str(folder) not in refused.value.detail
    assert not VerificationRun.objects.exists()


def test_costs_tell_what_each_trunk_adds(world: Verifiable, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Timing the recipes' own networks takes a minute and has a test of its own.
    monkeypatch.setattr(run_cost, "_cost", lambda *_: {"refused": "left out"})
    write_trunk(folder / "levels.pt", Levels())
    write_trunk(folder / "flat.pt", Flat())
    write_trunk(folder / "silent.pt", description=None)
    request_estimate(dataset=world.dataset, by=world.curator)
    (job,) = work()
    assert (job.kind, job.state) == (ESTIMATE, JobState.DONE)
    digest = file_digest(folder / "levels.pt")
    with monkeypatch.context() as patch:  # as in the process of the pages, which must not read files of gigabytes
        patch.setattr(trunk_files, "file_digest", lambda path: pytest.fail(f"{path} was read"))
        assert trunk_files.described_trunks(["levels"])[0].digest == digest
    found = latest_estimate(world.dataset)
    assert found is not None
    levels = found.trunks["levels.pt"]
    assert (levels.numbers, levels.excerpts, levels.refused) == (3, 32, "")
    assert levels.seconds is not None
    assert levels.seconds > 0
    assert "embedding of shape (3200,)" in found.trunks["flat.pt"].refused
    assert "none stands beside it" in found.trunks["silent.pt"].refused
    # Once a run has heard the clips, only heads are left to train.
    run = start(world, trunks=["levels.pt"])
    work(most=1)
    cancel_run(run=run, by=world.curator)
    request_estimate(dataset=world.dataset, by=world.curator)
    work()
    again = latest_estimate(world.dataset)
    assert again is not None
    assert again.trunks["levels.pt"].excerpts == 0
