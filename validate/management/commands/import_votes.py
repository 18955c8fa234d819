"""Import votes from a CSV file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from curation.management.row_command import DatasetCommand
from curation.services.row_import import import_rows
from validate.services.vote_import import VoteImporter


class Command(DatasetCommand):
    help = "Import votes: submission, voter, and yes or no for gain, privacy and acoustic_cue."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path, metavar="FILE.csv")
        parser.add_argument("--known-participants", action="store_true", help="refuse voters the dataset does not know")

    def handle(self, *_: Any, **options: Any) -> None:
        dataset = self.dataset(options["dataset"])
        importer = VoteImporter(dataset=dataset, known_participants=options["known_participants"])
        with self.progress("votes", "lines") as progress:
            report = import_rows(dataset=dataset, path=options["file"], importer=importer, progress=progress)
        self.finish(report, "votes")
