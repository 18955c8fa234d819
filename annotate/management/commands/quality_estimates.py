"""Show how far each category's candidate annotations can be trusted."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from annotate.services.quality import HEADER, quality_cells, write_quality
from curation.management.row_command import DatasetCommand


class Command(DatasetCommand):
    help = "Print per category the ratings (PP, PNP, NP, U), the quality estimate and its 95 % Wilson interval."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--out", type=Path, metavar="FILE.csv", help="write the same as CSV")

    def handle(self, *_: Any, **options: Any) -> None:
        dataset = self.dataset(options["dataset"])
        table = list(quality_cells(dataset))
        if options["out"]:
            try:
                write_quality(table=table, path=options["out"])
            except OSError as error:
                self.stop(f"{options['out']}: {error.strerror}. Name a file that can be written with --out.")
        if not table:
            self.stdout.write("No category has candidate annotations yet: import clips, or segment submissions.")
            return
        for line in _aligned([HEADER, *table]):
            self.stdout.write(line)


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    """Set the first column left and the others right, in columns as wide as their widest cell."""
    widths = [max(_width(row[column]) for row in rows) for column in range(len(HEADER))]
    lines = []
    for row in rows:
        first = row[0] + " " * (widths[0] - _width(row[0]))
        rest = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
        lines.append("  ".join((first, *rest)))
    return lines


def _width(text: str) -> int:
    """Return the places a text takes on a terminal: two for wide letters such as Korean ones."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
