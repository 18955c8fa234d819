"""Import ratings from a CSV file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from annotate.services.rating_import import RatingImporter
from curation.management.row_command import DatasetCommand
from curation.services.row_import import import_rows


class Command(DatasetCommand):
    help = "Import ratings: clip, category, annotator, and PP, PNP, NP or U."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path, metavar="FILE.csv")
        parser.add_argument(
            "--known-participants", action="store_true", help="refuse annotators the dataset does not know"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        dataset = self.dataset(options["dataset"])
        importer = RatingImporter(dataset=dataset, known_participants=options["known_participants"])
        with self.progress("ratings", "lines") as progress:
            report = import_rows(dataset=dataset, path=options["file"], importer=importer, progress=progress)
        self.finish(report, "ratings")
