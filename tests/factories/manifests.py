"""Manifests and the audio they name."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from curation.services.row_import import ImportReport


def write_manifest(path: Path, rows: Sequence[Mapping[str, str]], columns: Sequence[str] = ()) -> Path:
    """Write rows as CSV; the columns are those of the first row unless given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns or list(dict.fromkeys(name for row in rows for name in row)), restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def refused_rows(report: ImportReport) -> list[tuple[int, str]]:
    """Return line and reason of each refused row."""
    if report.refused_path is None:
        return []
    with report.refused_path.open(encoding="utf-8", newline="") as file:
        return [(int(row["line"]), row["reason"]) for row in csv.DictReader(file)]
