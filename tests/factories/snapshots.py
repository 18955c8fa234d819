"""Everything that is stored, for tests that show that a second run changes nothing."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from django.apps import apps

APPS = ("curation", "validate", "annotate")


def all_rows() -> dict[str, list[dict[str, Any]]]:
    """Return every row of the product; only the time of the last look at a file is left out."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for app in APPS:
        for model in apps.get_app_config(app).get_models():
            found = list(model._default_manager.order_by("pk").values())
            if model.__name__ == "ImportRun":
                found = [{key: row[key] for key in ("kind", "file_name", "file_sha256")} for row in found]
            rows[f"{app}.{model.__name__}"] = found
    return rows


def all_files(folder: Path) -> dict[str, tuple[str, int]]:
    """Return the SHA-256 and the time of change of every file below a folder."""
    return {
        str(path.relative_to(folder)): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
