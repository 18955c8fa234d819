from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from curation.services.csv_rows import UnusableFileError
from ml.services import manifest_run
from ml.verification import calibration
from tests.factories.audio import noise, write_audio
from tests.factories.verification import make_dataset, manifest_rows, read_predictions, write_rows
from tests.ml.recipes.small_run import make_candidates
from tests.ml.services.small_manifest_run import Told, verify


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Told]:
    folder = tmp_path_factory.mktemp("finished")
    manifest, audio_root, _ = make_dataset(folder, test_groups=1)
    threads = torch.get_num_threads()
    told = verify(manifest, audio_root)
    torch.set_num_threads(threads)
    return folder, told


@pytest.fixture
def folder(finished: tuple[Path, Told], tmp_path: Path) -> Iterator[Path]:
    """Return a copy of the finished run's folder, which a test may change."""
    copy = tmp_path / "finished"
    shutil.copytree(finished[0], copy)
    yield copy
    assert (copy / "p.csv").exists()


def test_people_see_what_is_done(finished: tuple[Path, Told]) -> None:
    _, told = finished

    assert told.lines[0].startswith("Training would take about ")
    assert [line.split(":")[0] for line in told.lines[1:]] == [f"iteration {number}" for number in (1, 2, 3, 4)]
    assert "not among three" in told.lines[1]
    assert told.lines[4].endswith("networks that heard all groups judged 6 test clips of groups that nobody heard")
    # Of 4 groups of 6 clips one is for test and two are verified.
    assert "24 clips. Of 6 labels that nobody verified" in told.summary
    assert "none is so sure that it would be accepted unheard (90 % were to be right);" in told.summary
    assert {label for label, _, _ in told.phases} == {"reading", "features", "training"}
    for label in ("reading", "features", "training"):
        steps = [(done, total) for name, done, total in told.phases if name == label]
        assert steps == sorted(steps)
        assert steps[-1][0] == steps[-1][1] > 0


def test_people_see_how_many_labels_would_be_accepted(tmp_path: Path) -> None:
    said = [
        manifest_run._summary(tmp_path, make_candidates(), accepted=accepted, precision=precision)
        for accepted, precision in ((9, 0.9996), (0, 0.9))
    ]
    assert "9 (75%) would be accepted unheard, at least 99.96 % of them right; review the others" in said[0]
    assert "none is so sure that it would be accepted unheard (90 % were to be right); review" in said[1]


def test_the_second_time_all_is_there(folder: Path) -> None:
    before = (folder / "p.csv").read_bytes()
    (folder / "p.csv").unlink()

    told = verify(folder / "manifest.csv", folder / "audio")

    assert (folder / "p.csv").read_bytes() == before
    assert told.lines == []
    assert {label for label, _, _ in told.phases} == {"reading"}


def test_another_precision_needs_no_training(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def accepted() -> int:
        return sum(row["auto_accept"] == "1" for row in read_predictions(folder / "p.csv"))

    verify(folder / "manifest.csv", folder / "audio", precision=1e-9)
    assert accepted() == 0  # no verified clip tells how far the probabilities can be trusted
    monkeypatch.setattr(calibration, "FEWEST", 0)  # the one group that is judged leaves no verified clip unheard
    monkeypatch.setattr(manifest_run, "code_version", lambda: "0.2.0+trusting")  # a run of its own
    verify(folder / "manifest.csv", folder / "audio", precision=1.0)
    assert accepted() == 0
    told = verify(folder / "manifest.csv", folder / "audio", precision=1e-9)
    assert told.lines == []
    assert 0 < accepted() <= 6


def test_another_seed_is_another_run_beside_the_first(folder: Path) -> None:
    before = (folder / "p.csv").read_bytes()

    verify(folder / "manifest.csv", folder / "audio", seed=1)
    assert (folder / "p.csv").read_bytes() != before
    assert len(list((folder / "p.csv.work").glob("earmark-*"))) == 2

    told = verify(folder / "manifest.csv", folder / "audio")
    assert told.lines == []
    assert (folder / "p.csv").read_bytes() == before


def test_other_code_begins_anew(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest_run, "code_version", lambda: "0.2.0+another")

    told = verify(folder / "manifest.csv", folder / "audio")

    assert len(told.lines) == 5
    assert "features" not in {label for label, _, _ in told.phases}


def test_other_rows_are_another_run_on_the_same_features(folder: Path) -> None:
    rows = manifest_rows(test_groups=1)[:-2]

    told = verify(write_rows(folder / "fewer.csv", rows), folder / "audio")

    assert len(told.lines) == 5
    assert "features" not in {label for label, _, _ in told.phases}
    assert len(read_predictions(folder / "p.csv")) == 22


def test_work_may_lie_elsewhere(folder: Path, tmp_path: Path) -> None:
    before = (folder / "p.csv").read_bytes()
    shutil.copytree(folder / "p.csv.work", tmp_path / "elsewhere")
    shutil.rmtree(folder / "p.csv.work")

    told = verify(folder / "manifest.csv", folder / "audio", work_dir=tmp_path / "elsewhere")

    assert told.lines == []
    assert (folder / "p.csv").read_bytes() == before
    assert not (folder / "p.csv.work").exists()


def test_a_run_that_was_begun_keeps_the_length_that_was_found_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest, audio_root, _ = make_dataset(tmp_path)
    needed = [600.0]
    monkeypatch.setattr(manifest_run, "seconds_needed", lambda *_, **__: needed.pop())

    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(manifest_run, "run_all", stopped)
        with pytest.raises(KeyboardInterrupt):
            verify(manifest, audio_root, budget_minutes=0.1)
    told = verify(manifest, audio_root, budget_minutes=0.1)

    assert not needed
    assert len(told.lines) == 3  # the rows of the iterations


def test_enough_time_changes_nothing_in_the_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest, audio_root, _ = make_dataset(tmp_path)
    plans = []
    monkeypatch.setattr(manifest_run, "seconds_needed", lambda *_, **__: 3.0)

    def noted(local: Any, **_: object) -> None:
        plans.append(local.plan)
        raise KeyboardInterrupt

    monkeypatch.setattr(manifest_run, "run_all", noted)
    for minutes in (None, 60.0):
        with pytest.raises(KeyboardInterrupt):
            verify(manifest, audio_root, budget_minutes=minutes)

    assert plans[0] == plans[1]


def test_a_recording_that_cannot_be_decoded_is_told_with_its_line(folder: Path) -> None:
    cut = write_audio(folder / "audio/cut.flac", noise(3_200), 8_000)
    cut.write_bytes(cut.read_bytes()[:2_500])
    rows = manifest_rows(test_groups=1)
    rows.insert(3, {**rows[3], "clip": "cut.flac"})
    before = (folder / "p.csv").read_bytes()

    with pytest.raises(
        UnusableFileError, match=r"bad.csv: 1 row cannot be used.\n  line 5: clip 'cut.flac': .*Convert it again"
    ):
        verify(write_rows(folder / "bad.csv", rows), folder / "audio")

    assert (folder / "p.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"recipe": "nonsense"}, "There is no recipe 'nonsense'. Known: .*earmark"),
        ({"budget_minutes": 0.0}, "--budget-minutes is 0.0: expected more than 0"),
        ({"budget_minutes": float("nan")}, "--budget-minutes is nan"),
        ({"precision": 1.1}, "--precision is 1.1: expected above 0 and at most 1"),
        ({"precision": float("nan")}, "--precision is nan"),
        ({"seed": -1}, "--seed is -1: expected 0 or more"),
        ({"processes": 0}, "--processes is 0: expected 1 or more"),
        ({"out": Path("none/p.csv")}, "there is no such folder. Make it"),
        ({"out": Path("audio")}, "audio is a folder. Name a file"),
        ({"out": Path("manifest.csv")}, "is the manifest itself. Name another file"),
        ({"out": Path("/proc/p.csv")}, "/proc: no file can be written there .*. Mend this, or name another folder"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_done(folder: Path, options: dict[str, Any], message: str) -> None:
    if "out" in options:
        options = {"out": folder / options["out"]}
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}

    with pytest.raises(ValueError, match=message):
        verify(folder / "manifest.csv", folder / "audio", **options)

    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_a_cuda_device_that_is_not_there_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    with pytest.raises(ValueError, match=r"no CUDA device that PyTorch can use\. Take --device cpu, or auto"):
        verify(folder / "manifest.csv", folder / "audio", device="cuda")
    assert verify(folder / "manifest.csv", folder / "audio", device="auto").lines == []


def test_a_round_in_which_no_label_was_left_is_told() -> None:
    nothing = dict.fromkeys(("correct_1st", "correct_2nd", "correct_3rd", "incorrect"), 0)
    assert manifest_run._line({"iteration": 4, **nothing, "map_at_3": None}) == (
        "iteration 4: no label was left to judge"
    )


def test_features_are_computed_where_networks_are_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest, audio_root, _ = make_dataset(tmp_path)
    asked: list[str] = []

    def noting(*_: Any, device: str, **__: Any) -> None:
        asked.append(device)
        raise InterruptedError

    monkeypatch.setattr(manifest_run, "store_features", noting)
    monkeypatch.setattr(manifest_run.torch.cuda, "is_available", lambda: True)
    with pytest.raises(InterruptedError):
        verify(manifest, audio_root, device="auto")

    assert asked == ["cuda"]
