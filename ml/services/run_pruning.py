"""Removing the folders of runs that nobody needs any more.

A folder holds what a run has done, so that it can go on: weights, probabilities, the labels that it began with. Once it
is finished, its predictions and figures are rows, and no page reads the folder again; people keep some to look into.
The features of clips are shared by all runs and stay.
"""

from __future__ import annotations

import shutil
import uuid
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from django.db import transaction

from curation.models import Dataset
from ml.models import VerificationRun
from ml.selectors.run_in_force import run_in_force
from ml.selectors.runs import run_view, runs_of
from ml.services.run_files import kept_folders


class Reason(StrEnum):
    """Why a folder is not needed."""

    OLDER = "finished, and newer ones are"
    STOPPED = "stopped, and a newer one is finished"
    UNKNOWN = "of no run of this database"


@dataclass(frozen=True, kw_only=True)
class UnneededFolder:
    """A folder that may go.

    Attributes
    ----------
    path : Path
        Where it lies.
    run : VerificationRun or None
        Whose it is; None if this database has no such run.
    reason : Reason
        Why it is not needed.
    size_bytes : int
        Of its files.
    """

    path: Path
    run: VerificationRun | None
    reason: Reason
    size_bytes: int


def unneeded_folders(*, keep: int, dataset: Dataset | None = None, unknown: bool = False) -> list[UnneededFolder]:
    """Find the folders that may go.

    Never those of runs that go on, of the run that people review by, or of a stopped run that is the newest and may be
    resumed.

    Parameters
    ----------
    keep : int
        Finished runs of each dataset, the newest, whose folders stay as well; at least 0.
    dataset : Dataset, optional
        Only of its runs.
    unknown : bool
        Also folders of which this database knows no run: of a run whose row was deleted, but also of another database
        that shares the data folder.

    Returns
    -------
    list of UnneededFolder
        By dataset and number; unknown ones last.
    """
    folders = dict(kept_folders())
    found = []
    for each in [dataset] if dataset else Dataset.objects.order_by("slug"):
        for run, reason in _unneeded_runs(each, keep):
            if (path := folders.get(run.folder_id)) is not None:
                found.append(UnneededFolder(path=path, run=run, reason=reason, size_bytes=_size(path)))
    if unknown and dataset is None:
        known = set(VerificationRun.objects.values_list("folder_id", flat=True))
        strange = sorted(path for folder_id, path in folders.items() if folder_id not in known)
        found += [
            UnneededFolder(path=path, run=None, reason=Reason.UNKNOWN, size_bytes=_size(path)) for path in strange
        ]
    return found


def remove_folder(folder: UnneededFolder, *, keep: int) -> bool:
    """Remove a folder, unless its run is needed again by now.

    Parameters
    ----------
    folder : UnneededFolder
        From `unneeded_folders`.
    keep : int
        As there.

    Returns
    -------
    bool
        Whether it was removed.
    """
    with transaction.atomic():
        if folder.run is not None:
            # Whoever resumes the run waits, or is seen.
            VerificationRun.objects.select_for_update(no_key=True).get(pk=folder.run.pk)
            if folder.run not in {run for run, _ in _unneeded_runs(folder.run.dataset, keep)}:
                return False
        # What is taken away half is never found under a run's name.
        gone = folder.path.with_name(f".gone-{uuid.uuid4()}")
        folder.path.rename(gone)
    shutil.rmtree(gone)
    return True


def _unneeded_runs(dataset: Dataset, keep: int) -> list[tuple[VerificationRun, Reason]]:
    runs = list(runs_of(dataset).defer("summary").order_by("number"))
    finished = [run for run in runs if run.finished_at is not None]
    if not finished:
        return []
    kept = {run_in_force(dataset), *finished[max(0, len(finished) - keep) :]}
    found = [(run, Reason.OLDER) for run in finished if run not in kept]
    for run in runs:
        if run.finished_at is None and run.number < finished[-1].number:
            view = run_view(run)
            if not view.is_active and not view.works:
                found.append((run, Reason.STOPPED))
    return sorted(found, key=lambda row: row[0].number)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
