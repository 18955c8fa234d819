"""``manage.py import_taxonomy FILE --dataset SLUG``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from curation.management.row_command import DatasetCommand
from curation.models import Dataset
from curation.services.datasets import DatasetRefusedError, ensure_dataset
from curation.services.taxonomy import import_taxonomy
from curation.services.taxonomy_files import read_taxonomy


class Command(DatasetCommand):
    help = "Import categories from AudioSet's ontology.json or a CSV (id,name,parents,description; parents apart by ;)."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path, metavar="FILE")

    def handle(self, *, file: Path, dataset: str, **_: Any) -> None:
        taxonomy = read_taxonomy(file)  # before a dataset is made for a file that is none
        known = Dataset.objects.filter(slug=dataset).exists()
        try:
            target = ensure_dataset(slug=dataset)
        except DatasetRefusedError as error:
            self.stop(error.detail)
        if not known:
            self.say_if_nobody_works_in(target)
        with self.progress("categories", "category") as progress:
            report = import_taxonomy(dataset=target, taxonomy=taxonomy, progress=progress)
        self.finish(report, "categories")
