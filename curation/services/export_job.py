"""Exporting as a job: a command exports in its own process, on a row that the dataset page shows.

If that process is killed, a worker of the same machine finishes the export under the same name; a worker of
another machine says that the folder is not there.
"""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from typing import Any

from curation.domain.progress import Progress, no_progress
from curation.exports.errors import ExportError
from curation.models import Dataset
from curation.registry import JobKind
from curation.services.exports import ExportReport, export_dataset
from curation.services.jobs import JobBusyError, JobContext, JobFailedError, run_here

EXPORT = "export"
LOOK_S = 1.0


def run_export(context: JobContext) -> dict[str, Any]:
    """Export as the job's parameters say.

    Parameters
    ----------
    context : JobContext
        With the dataset; parameters `target`, `split` and `version`.

    Returns
    -------
    dict
        Counts of what stands at the target.

    Raises
    ------
    JobFailedError
        If it cannot be made; trying again would not mend it.
    """
    try:
        return _result(_export(context))
    except ExportError as error:
        raise JobFailedError(str(error)) from error


def export_here(
    *,
    dataset: Dataset,
    target: Path,
    split_number: int | None = None,
    version: str = "",
    wait: bool = False,
    progress: Progress = no_progress,
) -> ExportReport:
    """Export in this process, as a job.

    Parameters
    ----------
    dataset, target, split_number, version, progress
        As in `curation.services.exports.export_dataset`.
    wait : bool
        Wait while another process writes the same target.

    Returns
    -------
    ExportReport
        What stands at `target` now.

    Raises
    ------
    ExportError
        If it cannot be made; nothing is written then.
    JobBusyError
        If another process writes the same target and `wait` is false.
    JobCancelledError
        If somebody stopped the job; nothing is written then.
    """
    reports: list[ExportReport] = []
    target = target.absolute()

    def work(context: JobContext) -> dict[str, Any]:
        reports.append(_export(context))
        return _result(reports[0])

    while not reports:
        try:
            run_here(
                kind=EXPORT,
                dataset=dataset,
                parameters={"target": str(target), "split": split_number, "version": version},
                key=_target_key(target),
                progress=progress,
                work=work,
            )
        except JobBusyError:
            if not wait:
                raise
            time.sleep(LOOK_S)
    return reports[0]


def _target_key(target: Path) -> str:
    """Return a text of one length for each path; a part of a long one would stand for others too."""
    return hashlib.sha256(os.fsencode(target)).hexdigest()


def _export(context: JobContext) -> ExportReport:
    parameters = context.job.parameters
    return export_dataset(
        dataset=context.dataset,
        target=Path(parameters["target"]),
        split_number=parameters["split"],
        version=parameters["version"],
        progress=context.progress,
    )


def _result(report: ExportReport) -> dict[str, Any]:
    return {"target": str(report.target), "clips": report.clips, "excluded": report.excluded, "bytes": report.bytes}


EXPORTING = JobKind(name=EXPORT, run=run_export)
