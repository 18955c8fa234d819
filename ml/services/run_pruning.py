"""Removing the folders of runs that nobody needs any more.

A folder holds what a run has done, so that it can go on: weights, probabilities, the labels that it began with. Once it
is finished, its predictions and figures are rows, and no page reads the folder again; people keep some to look into.
The features of clips are shared by all runs and stay.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from django.db import transaction

from curation.models import Dataset
from ml.models import VerificationRun
from ml.selectors.run_in_force import run_in_force
from ml.selectors.runs import run_view, runs_of
from ml.services.run_files import half_gone_folders, kept_folders, to_be_gone


class Reason(StrEnum):
    """Why a folder is not needed."""

    OLDER = "finished, and newer ones are"
    STOPPED = "stopped, and a newer one is finished"
    UNKNOWN = "of no run of this database"
    LEFT = "left by a removal that was stopped"


@dataclass(frozen=True, kw_only=True)
class UnneededFolder:
    """A folder that may go.

    Attributes
    ----------
    path : Path
        Where it lies.
    run : VerificationRun or None
        Whose it is; None if this database has no such run, or nobody knows any more.
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
        By dataset and number; then unknown ones, and what an earlier removal left, of whichever run it was, unless only
        one dataset's are asked for.
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
    if dataset is None:
        left = sorted(half_gone_folders())
        found += [UnneededFolder(path=path, run=None, reason=Reason.LEFT, size_bytes=_size(path)) for path in left]
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
        Whether it was removed; not if another process was first.
    """
    if folder.reason is Reason.LEFT:
        is_there = folder.path.exists()
        _remove(folder.path)
        return is_there
    with transaction.atomic():
        if folder.run is not None and not _is_unneeded(folder.run, keep):
            return False
        # What is taken away half is never found under a run's name.
        gone = to_be_gone(folder.path)
        try:
            folder.path.rename(gone)
        except FileNotFoundError:
            return False
    _remove(gone)
    return True


def _is_unneeded(run: VerificationRun, keep: int) -> bool:
    """Look at a run as it is now; its row is locked, so that whoever resumes it waits, or is seen."""
    rows = VerificationRun.objects.select_for_update(no_key=True, of=("self",)).select_related("dataset")
    locked = rows.defer("summary").get(pk=run.pk)
    newer = runs_of(locked.dataset).filter(finished_at__isnull=False, number__gt=locked.number).count()
    return _reason(locked, newer=newer, in_force=run_in_force(locked.dataset), keep=keep) is not None


def _unneeded_runs(dataset: Dataset, keep: int) -> list[tuple[VerificationRun, Reason]]:
    in_force, newer = run_in_force(dataset), 0
    found = []
    for run in runs_of(dataset).defer("summary").order_by("-number"):
        reason = _reason(run, newer=newer, in_force=in_force, keep=keep)
        newer += run.finished_at is not None
        if reason is not None:
            found.append((run, reason))
    return found[::-1]


def _reason(run: VerificationRun, *, newer: int, in_force: VerificationRun | None, keep: int) -> Reason | None:
    """Say why a run does not need its folder, given how many newer ones are finished; None if it does."""
    if run.finished_at is not None:
        return Reason.OLDER if newer >= keep and run != in_force else None
    if not newer:
        return None
    view = run_view(run)
    return None if view.is_active or view.works else Reason.STOPPED


def _remove(folder: Path) -> None:
    """Remove a folder and all in it, even while another process removes it too."""

    def pass_by(_: object, __: str, error: tuple[type[BaseException], BaseException, object]) -> None:
        if not isinstance(error[1], FileNotFoundError):
            raise error[1]

    shutil.rmtree(folder, onerror=pass_by)


def _size(folder: Path) -> int:
    try:
        return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    except FileNotFoundError:  # another process removes it just now
        return 0
