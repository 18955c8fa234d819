"""Where runs on datasets keep their files: features, and a folder for each run.

They lie in the data folder, which all workers of the queue ``gpu`` must share if there are several machines: one may do
the first step of a run and another the second. Pages read nothing of it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from ml.models import VerificationRun

_RUN = "run-"
_GONE = ".gone-"


def feature_stores() -> Path:
    """Return the folder of the features of clips, of all datasets."""
    return _made(_all_files() / "features")


def run_folder(run: VerificationRun) -> Path:
    """Return a run's folder."""
    return _made(_all_files() / f"{_RUN}{run.folder_id}")


def kept_folders() -> Iterator[tuple[uuid.UUID, Path]]:
    """Yield the folders of runs that are there, each with what names it in its run's row, in no order."""
    for path in _all_files().glob(f"{_RUN}*"):
        try:
            yield uuid.UUID(path.name.removeprefix(_RUN)), path
        except ValueError:  # somebody else's
            continue


def to_be_gone(folder: Path) -> Path:
    """Return a new name for a folder that is being removed, under which no run finds what is left of it."""
    return folder.with_name(f"{_GONE}{uuid.uuid4()}")


def half_gone_folders() -> Iterator[Path]:
    """Yield the folders whose removal was begun and not ended, in no order."""
    yield from _all_files().glob(f"{_GONE}*")


def _all_files() -> Path:
    data_dir: Path = settings.ENV.data_dir
    return data_dir / "verification"


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
