"""A pretrained trunk in the ensemble of a manifest's run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from django.core.management import CommandError, call_command

from ml.networks import waveform_trunk
from ml.recipes.plan import Verdict
from ml.services import manifest_run
from ml.services.trunk_embeddings import given_trunks, tried_trunk
from ml.services.trunk_files import TrunkDescription
from tests.factories.audio import write_audio
from tests.factories.trunks import (
    DESCRIPTION,
    Flat,
    Knowing,
    Levels,
    OneLength,
    Pair,
    Squared,
    write_secret_recordings,
    write_trunk,
)
from tests.factories.verification import Row, make_dataset, manifest_rows, read_predictions, write_rows
from tests.ml.services.small_manifest_run import Told, verify

PROJECT = Path(__file__).resolve().parents[3]


def secret_rows(folder: Path) -> list[Row]:
    """Return rows of which every third non-verified one has a wrong label, and write their recordings."""
    rows = manifest_rows(n_groups=4, each=4)
    write_secret_recordings(folder / "audio", rows)
    for number, row in enumerate(rows):
        if row["verified"] == "0" and number % 3 == 0:
            k = int(row["candidate"].removeprefix("class "))
            row["candidate"] = f"class {(k + 1) % 3}"
    write_rows(folder / "manifest.csv", rows)
    return rows


def auroc(rows: list[Row], found: list[Row]) -> float:
    """Return how well 1 - p_label_correct finds the wrong labels among the non-verified."""
    wrong, right = [], []
    for row, said in zip(rows, found, strict=True):
        if row["verified"] == "0":
            true = f"class {row['clip'].partition('class-')[2].partition('-')[0]}"
            (right if row["candidate"] == true else wrong).append(1 - float(said["p_label_correct"]))
    above = np.subtract.outer(np.array(wrong), np.array(right))
    return float((above > 0).mean() + 0.5 * (above == 0).mean())


@pytest.fixture
def verdicts(monkeypatch: pytest.MonkeyPatch) -> list[Verdict]:
    """Keep the verdicts that runs write."""
    kept: list[Verdict] = []
    write = manifest_run.write_predictions

    def keep(out: Path, *, verdict: Verdict, **rest: object) -> None:
        kept.append(verdict)
        write(out, verdict=verdict, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(manifest_run, "write_predictions", keep)
    return kept


def test_a_trunk_is_tried_as_it_was_described(tmp_path: Path) -> None:
    path = write_trunk(tmp_path / "levels.pt", Levels())
    described = TrunkDescription.of(path)
    assert tried_trunk(described, path).numbers == 3
    write_trunk(path, Knowing())
    with pytest.raises(ValueError, match=r"Trunk levels\.pt is another file"):
        tried_trunk(described, path)


@pytest.mark.slow
def test_a_trunk_that_knows_finds_the_wrong_labels(tmp_path: Path, verdicts: list[Verdict]) -> None:
    rows = secret_rows(tmp_path)
    alone = verify(tmp_path / "manifest.csv", tmp_path / "audio")
    without = auroc(rows, read_predictions(tmp_path / "p.csv"))
    trunk = write_trunk(tmp_path / "knowing.pt")

    told = verify(tmp_path / "manifest.csv", tmp_path / "audio", trunks=[trunk], budget_minutes=None)

    assert "embeddings" not in {label for label, _, _ in alone.phases}
    assert ("embeddings", len(rows), len(rows)) in told.phases
    assert [len(verdict.p_MNK) for verdict in verdicts] == [1, 2]
    assert without < 0.8
    assert auroc(rows, read_predictions(tmp_path / "p.csv")) > 0.95


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note how many excerpts trunks hear in this process, trials included."""
    counts: list[int] = []
    embeddings = waveform_trunk.WaveformTrunk.embeddings

    def noted(trunk: waveform_trunk.WaveformTrunk, excerpt_WL: torch.Tensor) -> torch.Tensor:
        counts.append(len(excerpt_WL))
        return embeddings(trunk, excerpt_WL)

    monkeypatch.setattr(waveform_trunk.WaveformTrunk, "embeddings", noted)
    return counts


def test_each_clip_is_heard_once_for_all_runs(tmp_path: Path, heard: list[int]) -> None:
    manifest, audio_root, rows = make_dataset(tmp_path)
    trunk = write_trunk(tmp_path / "levels.pt", Levels())
    work_dir = tmp_path / "work"

    verify(manifest, audio_root, trunks=[trunk], work_dir=work_dir)
    assert heard == [waveform_trunk.TRIED] + len(rows) * [1]
    first = (tmp_path / "p.csv").read_bytes()
    heard.clear()
    other_seed = verify(manifest, audio_root, trunks=[trunk], work_dir=work_dir, seed=1)
    other_recipe = verify(manifest, audio_root, trunks=[trunk], work_dir=work_dir, recipe="icme2024")
    assert heard == 2 * [waveform_trunk.TRIED]
    assert "training" in {label for label, _, _ in other_seed.phases + other_recipe.phases}
    again = verify(manifest, audio_root, trunks=[trunk], work_dir=work_dir)
    assert {label for label, _, _ in again.phases} == {"reading"}
    assert (tmp_path / "p.csv").read_bytes() == first


def test_other_excerpts_and_other_trunks_are_other_runs_with_embeddings_of_their_own(
    tmp_path: Path, heard: list[int]
) -> None:
    manifest, audio_root, rows = make_dataset(tmp_path)
    trunk = write_trunk(tmp_path / "levels.pt", Levels())
    work_dir = tmp_path / "work"

    def runs() -> set[str]:
        return {path.name for path in work_dir.iterdir() if path.name != "features"}

    verify(manifest, audio_root, work_dir=work_dir)
    for number, change in enumerate((DESCRIPTION, "sample_rate_hz = 8000\nwindow_s = 0.1\n", "other"), start=2):
        if change == "other":
            write_trunk(trunk)
        else:
            trunk.with_suffix(".toml").write_text(change)
        heard.clear()
        verify(manifest, audio_root, trunks=[trunk], work_dir=work_dir)
        assert len(heard) == 1 + len(rows)
        assert len(runs()) == number


@pytest.mark.parametrize(
    ("network", "description", "told"),
    [
        (Flat(), DESCRIPTION, r"Trunk bad\.pt: embedding of shape \(3200,\)"),
        (Pair(), DESCRIPTION, r"Trunk bad\.pt: output of type tuple"),
        (OneLength(), DESCRIPTION, r"Trunk bad\.pt cannot hear an input of shape \(2, 1600\)"),
        (Knowing(), None, r"Trunk bad\.pt: none stands beside it"),
        (Knowing(), "window_s = 1", r"bad\.toml: sample_rate_hz is None"),
    ],
)
def test_a_trunk_that_cannot_be_used_is_refused_before_anything_is_computed(
    tmp_path: Path, network: torch.nn.Module, description: str | None, told: str
) -> None:
    manifest, audio_root, _ = make_dataset(tmp_path)
    trunk = write_trunk(tmp_path / "bad.pt", network, description=description)
    said = Told()
    with pytest.raises(ValueError, match=told):
        verify(manifest, audio_root, trunks=[trunk], say=said.lines.append, progress=lambda *_: pytest.fail("begun"))
    assert not (tmp_path / "p.csv.work").exists()


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    manifest, audio_root, _ = make_dataset(tmp_path)
    text = tmp_path / "text.pt"
    text.write_text("no network")
    text.with_suffix(".toml").write_text(DESCRIPTION)
    model = tmp_path / "model.onnx"
    model.write_bytes(b"")
    model.with_suffix(".toml").write_text(DESCRIPTION)
    trunk, copy = write_trunk(tmp_path / "levels.pt"), tmp_path / "copy.pt"
    copy.write_bytes(trunk.read_bytes())
    copy.with_suffix(".toml").write_text(DESCRIPTION)
    for trunks, told in (
        ([tmp_path / "none.pt"], r"none\.pt: there is no such file"),
        ([text], r"text\.pt cannot be read as TorchScript"),
        ([model], r"model\.onnx is an ONNX file: expected the package onnxruntime; install it"),
        ([trunk, copy], r"Trunks levels\.pt and copy\.pt are the same file"),
        (9 * [trunk], "9 trunks: expected at most 8"),
    ):
        with pytest.raises(ValueError, match=told):
            verify(manifest, audio_root, trunks=trunks)


def test_a_clip_of_which_a_trunk_makes_no_numbers_is_named(tmp_path: Path) -> None:
    manifest, audio_root, rows = make_dataset(tmp_path)
    write_audio(audio_root / rows[5]["clip"], np.zeros(1_600, dtype=np.int16), 8_000)
    trunk = write_trunk(tmp_path / "squared.pt", Squared())
    name = Path(rows[5]["clip"]).name
    with pytest.raises(ValueError, match=rf"{name}: Trunk squared\.pt gives numbers that are not finite"):
        verify(manifest, audio_root, trunks=[trunk])


@pytest.mark.slow
def test_the_number_of_processes_changes_nothing(tmp_path: Path) -> None:
    manifest, audio_root, _ = make_dataset(tmp_path, each=3)
    trunk = write_trunk(tmp_path / "levels.pt", Levels())
    verify(manifest, audio_root, trunks=[trunk], processes=2)
    found = (tmp_path / "p.csv").read_bytes()
    (tmp_path / "p.csv").unlink()
    verify(manifest, audio_root, trunks=[trunk], processes=1, work_dir=tmp_path / "alone")
    assert (tmp_path / "p.csv").read_bytes() == found


def test_the_command_takes_trunks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest, audio_root, _ = make_dataset(tmp_path)
    words = ["verify_labels", "--manifest", str(manifest), "--audio-root", str(audio_root)]
    words += ["--out", str(tmp_path / "p.csv"), "--budget-minutes", "1e-6", "--processes", "1", "--device", "cpu"]
    words += ["--trunk", str(write_trunk(tmp_path / "levels.pt", Levels()))]
    with pytest.raises(CommandError, match=r"none\.onnx: there is no such file"):
        call_command(*words, "--trunk", str(tmp_path / "none.onnx"))
    call_command(*words, "--trunk", str(write_trunk(tmp_path / "knowing.pt")))
    assert "24 clips" in capsys.readouterr().out
    (run,) = (path for path in (tmp_path / "p.csv.work").iterdir() if path.name.startswith("earmark-"))
    assert {path.name.split("-")[3] for path in run.glob("iteration-0-member-*")} == {"0", "1", "2"}


def test_the_worked_example_of_the_documentation_makes_a_trunk(tmp_path: Path) -> None:
    page = (PROJECT / "docs" / "engineer.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (tmp_path / "example.py").write_text(example, encoding="utf-8")
    done = subprocess.run([sys.executable, "example.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    ((config, path),) = given_trunks([tmp_path / "trunks" / "levels.pt"]).items()
    assert path.name == "levels.pt"
    assert (config.n_bands, config.sample_rate_hz, config.window_length, config.hop_length) == (
        2,
        16_000,
        16_000,
        8_000,
    )
