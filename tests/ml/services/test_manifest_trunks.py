"""A pretrained trunk in the ensemble of a manifest's run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from ml.recipes.catalogue import RECIPES
from ml.recipes.plan import Verdict
from ml.services import manifest_run
from ml.services.trunk_files import TrunkFileError
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
