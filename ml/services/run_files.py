"""Where runs on datasets keep their files: features, and a folder for each run.

They lie in the data folder, which all workers of the queue ``gpu`` must share if there are several machines: one may do
the first step of a run and another the second. Pages read nothing of it.
"""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from ml.models import VerificationRun


def feature_stores() -> Path:
    """Return the folder of the features of clips, of all datasets."""
    return _folder("features")


def run_folder(run: VerificationRun) -> Path:
    """Return a run's folder."""
    return _folder(f"run-{run.folder_id}")


def _folder(name: str) -> Path:
    data_dir: Path = settings.ENV.data_dir
    folder = data_dir / "verification" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder
