from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
from django.core.management import CommandError, call_command

import ml.services
from curation.services.splits import make_split
from ml.services import baseline, quantisation
from tests.factories.exports import make_exportable
from tests.factories.rows import make_dataset
from tests.ml.services.small_baseline import COUNTS, LABELS, write_sounds


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("sounds")
    write_sounds(found)
    return found


def run(folder: Path, **changes: object) -> None:
    arguments: dict[str, object] = {
        "manifest": folder / "split.csv",
        "audio_root": folder / "audio",
        "network": "earmark",
        "out": folder / "out",
        "epochs": 2,
        "device": "cpu",
        "seed": 1,
        "processes": 1,
        "work_dir": folder / "work",
        **changes,
    }
    call_command("train_baseline", **arguments)


def test_a_manifest_gives_a_report_without_a_query(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # pytest-django refuses any query of a test that did not ask for the database.
    run(folder, out=tmp_path / "out")
    said = capsys.readouterr().out
    document = json.loads((tmp_path / "out" / "baseline.json").read_text(encoding="utf-8"))
    with (tmp_path / "out" / "confusion_matrix.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["label", *LABELS]
    assert [[int(count) for count in row[1:]] for row in rows] == document["confusion"]
    assert [sum(row) for row in document["confusion"]] == [COUNTS["test"]] * 2
    assert document["clips"] == {part: 2 * count for part, count in COUNTS.items()}
    assert "epoch 1 of at most 2: loss " in said
    assert (tmp_path / "out" / "baseline.md").read_text(encoding="utf-8") in said
    assert said.endswith("out: baseline.md, baseline.json, confusion_matrix.csv, weights.safetensors.\n")


def test_features_and_training_lie_beside_the_report_unless_a_folder_is_named(folder: Path, tmp_path: Path) -> None:
    run(folder, out=tmp_path / "out", work_dir=None, epochs=1)
    assert {path.name for path in tmp_path.iterdir()} >= {"out", "out.work"}
    assert (tmp_path / "out.work" / "features").is_dir()


@pytest.mark.django_db
def test_a_dataset_is_divided_by_its_latest_split(tmp_path: Path) -> None:
    dataset = make_exportable()
    make_split(dataset=dataset)
    call_command(
        "train_baseline", dataset="tiny", network="earmark", out=tmp_path / "out", epochs=1, device="cpu", processes=1
    )
    document = json.loads((tmp_path / "out" / "baseline.json").read_text(encoding="utf-8"))
    assert document["source"]["split"] == 1
    assert document["left_out"] == {"several_classes": 1}
    assert [row["label"] for row in document["classes"]] == ["Bell", "Snare drum"]
    text = (tmp_path / "out" / "baseline.md").read_text(encoding="utf-8")
    assert "Parts: split 1 of `tiny`." in text


@pytest.mark.django_db
def test_a_dataset_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    make_dataset("city")
    for slug, message in (("none", "There is no dataset 'none'"), ("city", "city has no split")):
        with pytest.raises(CommandError, match=message) as caught:
            call_command("train_baseline", dataset=slug, out=tmp_path / "out")
        assert caught.value.returncode == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"audio_root": None}, "--manifest needs --audio-root"),
        ({"network": "resnet50"}, "network 'resnet50': expected one of cochlscene"),
        ({"manifest": Path("none.csv")}, "none.csv: No such file"),
        ({"seed": -3}, "--seed is -3"),
    ],
)
def test_what_cannot_be_used_ends_with_2_and_a_remedy(
    folder: Path, tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(CommandError, match=message) as caught:
        run(folder, out=tmp_path / "out", **changes)
    assert caught.value.returncode == 2
    assert not (tmp_path / "out").exists()


def test_other_files_are_refused_before_anything_is_trained(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(CommandError, match=r"holds 'notes.txt'"):
        run(folder, out=tmp_path, work_dir=tmp_path.with_name("never"))
    assert not tmp_path.with_name("never").exists()
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("command", "service", "arguments"),
    [
        ("train_baseline", baseline, {"manifest": "m.csv", "audio_root": ".", "out": "o"}),
        ("quantise", quantisation, {"weights": "w", "network": "nguyen", "classes": 2, "out": "o"}),
    ],
)
def test_a_machine_without_torch_is_told_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, command: str, service: ModuleType, arguments: dict[str, object]
) -> None:
    monkeypatch.delitem(sys.modules, service.__name__)
    monkeypatch.delattr(ml.services, service.__name__.rpartition(".")[2])
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(CommandError, match=r"^torch is not installed. Run `make worker-setup`, then") as caught:
        call_command(command, **arguments)
    assert caught.value.returncode == 2
