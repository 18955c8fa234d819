from __future__ import annotations

from pathlib import Path

import pytest
import torch
from django.core.management import CommandError, call_command

from ml.networks.quantise import load_quantised
from ml.networks.registry import build
from ml.services.baseline import train_baseline
from ml.services.baseline_report import write_report
from ml.training.checkpoint import read_tensors, write_tensors
from tests.ml.services.small_baseline import COUNTS, sounding_clips


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a baseline that tells the two sounds apart."""
    found = tmp_path_factory.mktemp("trained")
    baseline = train_baseline(
        clips=sounding_clips(found), network="earmark", work_dir=found / "work", epochs=6, device="cpu", processes=1
    )
    write_report(found / "out", baseline)
    return found


def run(folder: Path, **changes: object) -> None:
    arguments: dict[str, object] = {
        "weights": folder / "out" / "weights.safetensors",
        "network": "earmark",
        "classes": 2,
        "out": folder / "network.int8",
        **changes,
    }
    call_command("quantise", **arguments)


def judged(folder: Path, **changes: object) -> None:
    arguments = {
        "manifest": folder / "split.csv",
        "audio_root": folder / "audio",
        "device": "cpu",
        "processes": 1,
        "work_dir": folder / "work",
        **changes,
    }
    run(folder, **arguments)


def test_bytes_and_accuracy_are_told_before_and_after(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    judged(folder)
    before = (folder / "out" / "weights.safetensors").stat().st_size
    after = (folder / "network.int8").stat().st_size
    assert after < 0.27 * before
    assert capsys.readouterr().out == (
        f"{before:,} bytes before, {after:,} after ({after / before:.0%}): within the 500 KB of DCASE 2020 task 1b.\n"
        f"Accuracy on {2 * COUNTS['test']} test clips: 1.0000 before, 1.0000 after.\n"
    )


def test_the_file_holds_the_network(folder: Path, tmp_path: Path) -> None:
    run(folder, out=tmp_path / "network.int8")
    exact, rounded = (build("earmark", 2, seed=seed).eval() for seed in (3, 4))
    exact.load_state_dict(read_tensors(folder / "out" / "weights.safetensors")[0])
    load_quantised(rounded, tmp_path / "network.int8")
    x_BCTM = torch.randn(6, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        scores_BK, rounded_BK = exact(x_BCTM), rounded(x_BCTM)
    assert (rounded_BK - scores_BK).std() < 0.1 * scores_BK.std()
    assert not torch.equal(rounded_BK, scores_BK)


def test_the_challenges_network_fits_its_limit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = build("dcase2020-mobilenet", 3)
    write_tensors(tmp_path / "w.safetensors", network.state_dict(), {})
    run(tmp_path, weights=tmp_path / "w.safetensors", network="dcase2020-mobilenet", classes=3)
    assert (tmp_path / "network.int8").stat().st_size < 500_000
    assert "within the 500 KB" in capsys.readouterr().out


def test_a_larger_network_is_said_to_be_over_the_limit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # 655 thousand weights in 8 bits
    write_tensors(tmp_path / "w.safetensors", build("fsdkaggle2018", 3).state_dict(), {})
    run(tmp_path, weights=tmp_path / "w.safetensors", network="fsdkaggle2018", classes=3)
    assert "over the 500 KB of DCASE 2020 task 1b." in capsys.readouterr().out


def test_an_earlier_file_of_the_kind_is_replaced_and_no_other(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "network.int8"
    run(folder, out=out)
    first = out.read_bytes()
    run(folder, out=out)
    assert out.read_bytes() == first
    out.write_text("notes")
    with pytest.raises(CommandError, match="is there and is no network in 8 bits") as caught:
        run(folder, out=out)
    assert caught.value.returncode == 2
    assert out.read_text() == "notes"
    assert [path.name for path in tmp_path.iterdir()] == ["network.int8"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": 3}, r"does not fit the network 'earmark' with 3 classes: .*classifier.weight"),
        ({"network": "nguyen"}, "those of the network 'earmark', not of 'nguyen'"),
        ({"network": "resnet50"}, "not of 'resnet50'"),
        ({"weights": Path("none.safetensors")}, "none.safetensors: No such file"),
        ({"out": Path("none/network.int8")}, "the folder none does not exist"),
        ({"manifest": Path("m.csv")}, "--manifest and --audio-root belong together"),
    ],
)
def test_what_cannot_be_used_ends_with_2_and_a_remedy(folder: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(CommandError, match=message) as caught:
        run(folder, **changes)
    assert caught.value.returncode == 2


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("hiss20.wav,train,hiss", "there is no test clip"),
        ("hiss20.wav,test,Bus", r"the label 'Bus' is none of the network's: hiss, whistle"),
    ],
)
def test_a_manifest_that_cannot_judge_is_refused(folder: Path, tmp_path: Path, rows: str, message: str) -> None:
    manifest = tmp_path / "m.csv"
    manifest.write_text(f"clip,split,label\n{rows}\n", encoding="utf-8")
    with pytest.raises(CommandError, match=message):
        judged(folder, manifest=manifest, out=tmp_path / "network.int8")
    assert not (tmp_path / "network.int8").exists()


def test_weights_of_unknown_classes_cannot_be_judged(folder: Path, tmp_path: Path) -> None:
    write_tensors(tmp_path / "w.safetensors", build("earmark", 2).state_dict(), {})
    with pytest.raises(CommandError, match="does not name its classes, as weights of `train_baseline` do"):
        judged(folder, weights=tmp_path / "w.safetensors")
