"""Importing as background work that the API starts: categories, and ready-cut clips, from the folder of imports.

Curators alone may ask for it: an import says what a dataset is, and its labels that came verified are never rated. Rows
are stored batch by batch and known again by the next attempt, so that nothing is kept to go on from.
"""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from django.utils.translation import gettext_noop

from curation.models import Role
from curation.registry import JobKind, JobWish
from curation.services.clips import import_clips
from curation.services.import_folder import ImportPathError, find_import, import_name, refused_list_of
from curation.services.job_requests import UnusableWishError
from curation.services.jobs import JobContext
from curation.services.row_import import ImportReport, UnusableFileError, scan_file
from curation.services.summaries import request_summary
from curation.services.taxonomy import import_taxonomy
from curation.services.taxonomy_files import read_taxonomy

STORED = {
    "annotations": gettext_noop(
        "%(file)s: %(stored)d annotations stored, %(known)d known already, %(refused)d refused."
    ),
    "categories": gettext_noop("%(file)s: %(stored)d categories stored, %(known)d known already, %(refused)d refused."),
}
MAX_LISTED = 100
MAX_DETAIL_CHARS = 500  # of a refusal in the result; a detail may quote a field of any length


def look_for_clips(said: Mapping[str, str]) -> JobWish:
    """Look for a manifest and its audio; without `audio_root` that is the manifest's folder.

    Raises
    ------
    UnusableWishError
        If one is not in the folder of imports.
    """
    manifest = _wished(said, "manifest")
    root = _wished(said, "audio_root", is_folder=True) if "audio_root" in said else manifest.parent
    return _wish(manifest, manifest=import_name(manifest), audio_root=import_name(root))


def look_for_taxonomy(said: Mapping[str, str]) -> JobWish:
    """Look for a file of categories.

    Raises
    ------
    UnusableWishError
        If it is not in the folder of imports.
    """
    file = _wished(said, "file")
    return _wish(file, file=import_name(file))


def run_import_clips(context: JobContext) -> dict[str, Any]:
    """Import a manifest of clips; it can be stopped after each batch of rows.

    Parameters
    ----------
    context : JobContext
        With the dataset; parameters `manifest` and `audio_root`.

    Returns
    -------
    dict
        Counts of the rows. Those that an attempt before stored are `known`.

    Raises
    ------
    JobFailedError
        If no row can be used; trying again would not mend it.
    """
    manifest = _named(context, "manifest")
    root = _named(context, "audio_root", is_folder=True)

    def work(refused_path: Path) -> ImportReport:
        _, lines = scan_file(manifest)

        def tell(done: int, total: int | None) -> None:
            context.progress(done, max(lines, 1) if total is None else total)

        return import_clips(
            dataset=context.dataset, path=manifest, audio_root=root, progress=tell, refused_path=refused_path
        )

    return _imported(context, manifest, "annotations", work)


def run_import_taxonomy(context: JobContext) -> dict[str, Any]:
    """Import a file of categories, all in one transaction.

    Parameters
    ----------
    context : JobContext
        With the dataset; parameter `file`.

    Returns
    -------
    dict
        Counts of the rows.

    Raises
    ------
    JobFailedError
        If no row can be used; trying again would not mend it.
    """
    file = _named(context, "file")

    def work(refused_path: Path) -> ImportReport:
        return import_taxonomy(
            dataset=context.dataset,
            taxonomy=read_taxonomy(file),
            progress=context.progress,
            refused_path=refused_path,
        )

    return _imported(context, file, "categories", work)


def _wished(said: Mapping[str, str], field: str, *, is_folder: bool = False) -> Path:
    try:
        return find_import(said[field], is_folder=is_folder)
    except ImportPathError as error:
        raise UnusableWishError(field, str(error)) from error


def _wish(path: Path, **parameters: str) -> JobWish:
    """Make one job of all wishes for a file; a digest, since a part of a long path would stand for others too."""
    return JobWish(parameters=parameters, key=hashlib.sha256(os.fsencode(path)).hexdigest())


def _named(context: JobContext, parameter: str, *, is_folder: bool = False) -> Path:
    """Find what was named when the job was asked for: it may be gone since, or not on this worker's machine."""
    try:
        return find_import(context.job.parameters[parameter], is_folder=is_folder)
    except ImportPathError as error:
        raise context.failure(*error.parts) from error


def _imported(context: JobContext, path: Path, noun: str, work: Callable[[Path], ImportReport]) -> dict[str, Any]:
    try:
        report = work(refused_list_of(path, dataset=context.dataset))
    except UnusableFileError as error:
        raise context.failure(*error.parts) from error
    if report.accepted or report.refused:
        request_summary(dataset=context.dataset)
    listed_in = import_name(report.refused_path) if report.refused_path else ""
    if report.nothing_usable:
        raise context.failure(*report.parts(STORED[noun], listed_in=listed_in))
    return {
        "file": import_name(path),
        "stored": report.accepted,
        "known": report.unchanged,
        "refused": report.refused,
        "refused_list": listed_in,
        "refusals": _first_refusals(report),
    }


def _first_refusals(report: ImportReport) -> list[dict[str, str | int]]:
    """Return the beginning of the list of refused rows, for those who cannot open files of the machine."""
    if report.refused_path is None:
        return []
    with report.refused_path.open(encoding="utf-8", newline="") as file:
        rows = islice(csv.reader(file), 1, 1 + MAX_LISTED)
        return [
            {"line": int(line), "reason": reason, "detail": detail[:MAX_DETAIL_CHARS]}
            for line, reason, detail, *_ in rows
        ]


TAXONOMY = JobKind(
    name="import-taxonomy",
    run=run_import_taxonomy,
    requested_by=(Role.CURATOR,),
    keys=("file",),
    required=("file",),
    look=look_for_taxonomy,
)
CLIPS = JobKind(
    name="import-clips",
    run=run_import_clips,
    requested_by=(Role.CURATOR,),
    keys=("manifest", "audio_root"),
    required=("manifest",),
    look=look_for_clips,
)
