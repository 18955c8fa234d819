"""`export`: a dataset as a folder or a ZIP file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from curation.exports.errors import ExportError
from curation.management.row_command import DatasetCommand
from curation.services.export_job import export_here
from curation.services.jobs import JobBusyError, JobCancelledError


class Command(DatasetCommand):
    help = (
        "Write a dataset's audio, tables, splits, README and checksums to a folder or a ZIP file. "
        "Makes the default split if there is none. Exits 0 when done, 2 if nothing could be written."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--out", required=True, type=Path, metavar="DIR_or_ZIP", help="a folder, or a name in .zip")
        parser.add_argument(
            "--split", type=int, metavar="N", help="follow split N even if clips came since; otherwise the latest"
        )
        parser.add_argument(
            "--release", default="", metavar="VERSION", help="freeze this export as a release, or reproduce it"
        )

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 -- Django's signature
        dataset = self.dataset(options["dataset"])
        try:
            with self.progress("export", "clip") as progress:
                report = export_here(
                    dataset=dataset,
                    target=options["out"],
                    split_number=options["split"],
                    version=options["release"],
                    progress=progress,
                )
        except (ExportError, JobBusyError) as error:
            self.stop(str(error))
        except JobCancelledError:
            self.stop("Somebody cancelled the job. Nothing was written.")
        self.stdout.write(report.summary())
