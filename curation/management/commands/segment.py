"""``manage.py segment --dataset SLUG``."""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from curation.management.row_command import SOME_REFUSED, DatasetCommand
from curation.models import Dataset
from curation.services.jobs import JobBusyError, JobCancelledError
from curation.services.segmentation import SegmentReport, submissions_without_clips
from curation.services.segmentation_job import segment_here, write_refused
from curation.services.worker_pool import usable_cores


class Command(DatasetCommand):
    help = (
        "Cut accepted submissions into clips; those that are cut already stay as they are. Exits 0 when done, 1 if "
        "some gave no clip, 2 if another process is cutting this dataset."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--workers", type=int, default=usable_cores(), metavar="N", help="processes (all cores)")
        parser.add_argument(
            "--refused",
            type=Path,
            metavar="FILE.csv",
            help="where submissions that gave no clip are listed (SLUG.segment.refused.csv, here)",
        )

    def handle(self, *, dataset: str, workers: int, refused: Path | None, **_: Any) -> None:
        target = self.dataset(dataset)
        if workers < 1:
            self.stop("--workers must be at least 1.")
        if refused is not None and (refused.is_dir() or not os.access(refused.parent, os.W_OK)):
            self.stop(f"--refused {refused}: no file can be written there. Name another place.")
        try:
            with self.progress("submissions", "submission") as progress:
                report = segment_here(dataset=target, workers=workers, progress=progress)
        except JobBusyError as error:
            self.stop(str(error))
        except JobCancelledError:
            self.stop("Somebody cancelled the job. What was cut stays; run the command again for the rest.")
        self._show(target, report, refused or Path(f"{dataset}.segment.refused.csv"))

    def _show(self, dataset: Dataset, report: SegmentReport, refused_path: Path) -> None:
        refused = submissions_without_clips(dataset=dataset, report=report)
        self.stdout.write(f"{report.submissions} submissions cut into {report.clips} clips, {len(refused)} gave none.")
        for reason, count in Counter(one.reason for _, one in refused).most_common():
            self.stdout.write(f"  {reason}: {count}")
        try:
            write_refused(refused=refused, path=refused_path)
        except OSError as error:
            for submission, one in refused:
                self.stdout.write(f"  submission {submission}: {one.reason}: {one.detail}")
            self.stdout.write(f"{refused_path} could not be written ({error.strerror}).")
        else:
            if refused:
                self.stdout.write(f"They stand in {refused_path}.")
        if refused and not report.refused:
            self.stdout.write("They gave none before already.")
        if refused:
            sys.exit(SOME_REFUSED)
