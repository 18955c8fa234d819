"""Segmentation as background work: asked for when people accept a submission, or by whoever runs the dataset.

A command does it in its own process on the same row, so that the dataset page shows it and no two cut at once.
"""

from __future__ import annotations

import csv
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from curation.domain.progress import Progress, no_progress
from curation.models import Dataset, Role
from curation.registry import JobKind
from curation.services.jobs import SEGMENT, JobBusyError, JobContext, run_here
from curation.services.row_import import Refused
from curation.services.segmentation import SegmentReport, segment_dataset
from curation.services.summaries import request_summary

MAX_LISTED = 100
LOOK_S = 1.0


def run_segment(context: JobContext) -> dict[str, Any]:
    """Cut the dataset's accepted submissions that are not cut yet; what is cut already is the checkpoint.

    Parameters
    ----------
    context : JobContext
        With the dataset.

    Returns
    -------
    dict
        Counts, and the first hundred submissions that gave no clip, with the reason.
    """
    return _result(context, segment_dataset(dataset=context.dataset, progress=context.progress))


def segment_here(
    *, dataset: Dataset, workers: int = 1, wait: bool = False, progress: Progress = no_progress
) -> SegmentReport:
    """Do the job in this process.

    Parameters
    ----------
    dataset : Dataset
        Whose accepted submissions are cut.
    workers : int
        Processes that read audio.
    wait : bool
        Wait while another process is at it, then do what it left.
    progress : Progress
        Told the submissions done.

    Returns
    -------
    SegmentReport
        What was cut, and all that could not be.

    Raises
    ------
    JobBusyError
        If another process is at it and `wait` is false.
    JobCancelledError
        If somebody stopped the job; what was cut stays.
    """
    reports: list[SegmentReport] = []

    def work(context: JobContext) -> dict[str, Any]:
        report = segment_dataset(dataset=context.dataset, progress=context.progress, workers=workers)
        reports.append(report)
        return _result(context, report)

    while not reports:
        try:
            run_here(kind=SEGMENT, dataset=dataset, progress=progress, work=work)
        except JobBusyError:
            if not wait:
                raise
            time.sleep(LOOK_S)
    return reports[0]


def write_refused(*, refused: Sequence[tuple[str, Refused]], path: Path) -> None:
    """List the submissions that gave no clip as CSV, whole or not at all; without any, an older list is removed.

    Parameters
    ----------
    refused : sequence of (str, Refused)
        From `curation.services.segmentation.submissions_without_clips`.
    path : Path
        Where to.

    Raises
    ------
    OSError
        If nobody may write there.
    """
    if not refused:
        path.unlink(missing_ok=True)
        return
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        unfinished = Path(folder) / path.name
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["submission", "reason", "detail"])
            writer.writerows((submission, one.reason, one.detail) for submission, one in refused)
        unfinished.replace(path)


def _result(context: JobContext, report: SegmentReport) -> dict[str, Any]:
    if report.submissions:
        request_summary(dataset=context.dataset)
    return {
        "submissions": report.submissions,
        "clips": report.clips,
        "refused": len(report.refused),
        "refusals": [
            {"submission": submission, "reason": refused.reason, "detail": refused.detail}
            for submission, refused in report.refused[:MAX_LISTED]
        ],
    }


SEGMENTATION = JobKind(name=SEGMENT, run=run_segment, requested_by=(Role.CURATOR, Role.ENGINEER))
