from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from ml.services.baseline_report import FILES, check_folder, report_document, report_markdown, write_report
from ml.training.checkpoint import read_tensors
from tests.ml.services.small_baseline import made_baseline

# Predicted a, b, c (columns) of 4 clips of a, 6 of b and none of c.
CONFUSION = np.array([[3, 0, 1], [3, 3, 0], [0, 0, 0]])


def test_scores_are_those_of_table_iii() -> None:
    document = report_document(made_baseline(CONFUSION, ("a", "b", "c")))
    assert document["accuracy"] == 0.6  # 6 of 10
    a, b, c = document["classes"]
    # a: 6 predicted, 3 right, of 4; F = 2 * 3 / (6 + 4). b: 3 predicted, 3 right, of 6; F = 2 * 3 / (3 + 6).
    assert a == {"label": "a", "clips": 4, "precision": 0.5, "recall": 0.75, "f_score": 0.6}
    assert b == {"label": "b", "clips": 6, "precision": 1.0, "recall": 0.5, "f_score": pytest.approx(2 / 3)}
    assert c == {"label": "c", "clips": 0, "precision": None, "recall": None, "f_score": None}
    assert document["average"] == {
        "precision": 0.75,
        "recall": 0.625,
        "f_score": pytest.approx((0.6 + 2 / 3) / 2),
    }


def test_the_precision_of_a_class_that_was_never_predicted_counts_as_zero() -> None:
    document = report_document(made_baseline(np.array([[2, 0], [1, 0]]), ("a", "b")))
    assert document["classes"][1]["precision"] == 0
    assert document["average"]["precision"] == pytest.approx((2 / 3 + 0) / 2)


def test_the_document_says_how_the_baseline_was_made() -> None:
    document = report_document(made_baseline(CONFUSION, ("a", "b", "c")))
    assert document["network"]["name"] == "cochlscene"
    # Table II: 116,821 with 13 classes; of its last layer, 10 classes of 101 numbers are missing.
    assert document["network"]["trainable_parameters"] == 116_821 - 10 * 101
    assert document["clips"] == {"train": 3, "val": 3, "test": 10}
    assert (document["epochs"], document["best_epoch"], document["validation_accuracy"]) == (3, 2, 0.75)
    assert document["training"]["epochs"] == 3
    assert document["features"]["n_bands"] == 128
    assert json.loads(json.dumps(document)) == json.loads(json.dumps(document, sort_keys=True))


def test_markdown_has_both_tables() -> None:
    text = report_markdown(report_document(made_baseline(CONFUSION, ("a", "b", "c"))))
    assert "Accuracy on the test part: **0.600** (10 clips, 3 classes)." in text
    assert "Parts: split 3 of `city`. Seed 7. Clips left out: 4 several classes." in text
    assert (
        "| Label | Precision | Recall | F-score | Clips |\n| --- | --: | --: | --: | --: |\n"
        "| a | 0.500 | 0.750 | 0.600 | 4 |\n| b | 1.000 | 0.500 | 0.667 | 6 |\n| c | — | — | — | 0 |\n"
        "| Average | 0.750 | 0.625 | 0.633 | 10 |\n"
    ) in text
    assert text.endswith(
        "|  | a | b | c |\n| --- | --: | --: | --: |\n| a | 3 | 0 | 1 |\n| b | 3 | 3 | 0 |\n| c | 0 | 0 | 0 |\n"
    )


def test_names_of_classes_break_no_table_and_run_no_formula(tmp_path: Path) -> None:
    classes = ("=1+1", "a|b", "x@example.org")
    baseline = made_baseline(CONFUSION, classes, source={"manifest": "m.csv"})
    write_report(tmp_path / "out", baseline)
    text = (tmp_path / "out" / "baseline.md").read_text(encoding="utf-8")
    assert "| a\\|b | 1.000 |" in text
    assert "example.org" not in text
    assert "Parts: `m.csv`." in text
    with (tmp_path / "out" / "confusion_matrix.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["label", "'=1+1", "a|b", "[e-mail removed]"]
    assert rows[1] == ["'=1+1", "3", "0", "1"]
    assert "example.org" not in (tmp_path / "out" / "baseline.json").read_text(encoding="utf-8")


def test_weights_name_what_they_need(tmp_path: Path) -> None:
    write_report(tmp_path / "out", made_baseline(CONFUSION, ("a", "b", "c")))
    tensors, described = read_tensors(tmp_path / "out" / "weights.safetensors")
    assert tensors["weight"].tolist() == [0, 1, 2]
    assert described == {
        "network": "cochlscene",
        "options": "{}",
        "classes": '["a", "b", "c"]',
        "mean": "-40.5",
        "deviation": "12.25",
    }


def test_the_same_baseline_gives_the_same_files_again(tmp_path: Path) -> None:
    baseline = made_baseline(CONFUSION, ("a", "b", "c"))
    write_report(tmp_path / "out", baseline)
    first = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    write_report(tmp_path / "out", baseline)
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == first
    assert first.keys() == {*FILES}


def test_a_folder_with_anything_else_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "out"
    check_folder(out)
    out.mkdir()
    check_folder(out)
    (out / "baseline.json").write_text('{"mine": 1}')
    with pytest.raises(ValueError, match=r"holds 'baseline.json', which is no report"):
        write_report(out, made_baseline(CONFUSION, ("a", "b", "c")))
    assert (out / "baseline.json").read_text() == '{"mine": 1}'
    (out / "thesis.tex").touch()
    with pytest.raises(ValueError, match=r"holds 'thesis.tex'"):
        check_folder(out)
    with pytest.raises(ValueError, match=r"out/thesis.tex holds 'thesis.tex'"):
        check_folder(out / "thesis.tex")
    with pytest.raises(ValueError, match=r"does not exist. Make it first"):
        check_folder(tmp_path / "none" / "out")


def test_what_a_killed_run_left_is_no_reason_to_refuse(tmp_path: Path) -> None:
    for name in (".baseline.json.part", ".weights.safetensors.4711.part"):
        (tmp_path / name).touch()
    check_folder(tmp_path)
    (tmp_path / ".thesis.tex.part").touch()
    with pytest.raises(ValueError, match=r"holds '.thesis.tex.part'"):
        check_folder(tmp_path)
