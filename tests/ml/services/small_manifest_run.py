"""Verifying a manifest with as little training as can be."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ml.services.manifest_run import verify_manifest
from tests.factories.verification import Row, read_predictions, write_rows

SHORTEST = 1e-6  # minutes: one epoch in each step


@dataclass
class Told:
    lines: list[str] = field(default_factory=list)
    phases: list[tuple[str, int, int]] = field(default_factory=list)
    summary: str = ""


def verify(manifest: Path, audio_root: Path, **options: Any) -> Told:
    told = Told()
    told.summary = verify_manifest(
        **{
            "manifest": manifest,
            "audio_root": audio_root,
            "recipe": "earmark",
            "out": manifest.with_name("p.csv"),
            "budget_minutes": SHORTEST,
            "device": "cpu",
            "seed": 0,
            "precision": 0.9,
            "processes": 1,
            "work_dir": None,
            "say": told.lines.append,
            "progress": lambda *phase: told.phases.append(phase),
            **options,
        }
    )
    return told


def judged(folder: Path, rows: list[Row], **options: Any) -> list[Row]:
    """Verify rows whose recordings are there, and look at what must hold of any predictions."""
    manifest = write_rows(folder / "manifest.csv", rows)
    verify(manifest, folder / "audio", **options)
    found = read_predictions(folder / "p.csv")
    classes = {row["candidate"] for row in rows if row["split"] == "train"}
    assert [row["clip"] for row in found] == [row["clip"] for row in rows]
    for given, row in zip(rows, found, strict=True):
        top = row["top3"].split(";")
        assert top[0] == row["predicted_label"]
        assert len(set(top)) == len(top) == min(3, len(classes))
        assert set(top) <= classes
        assert 0 <= float(row["priority"]) <= 1
        open_label = given["split"] == "train" and given["verified"] == "0"
        assert (float(row["priority"]) > 0) == open_label
        assert row["auto_accept"] in (("0", "1") if open_label else ("0",))
        if open_label:
            assert 0 <= float(row["p_label_correct"]) <= 1
        if given["split"] == "test":
            assert row["p_label_correct"] == ""
    return found
