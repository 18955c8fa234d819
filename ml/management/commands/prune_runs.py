"""``manage.py prune_runs``: remove the folders of verification runs that nobody needs any more."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from curation.management.row_command import DatasetCommand
from ml.services.run_pruning import UnneededFolder, remove_folder, unneeded_folders

MEGABYTE = 1e6


class Command(DatasetCommand):
    help = (
        "Say which folders of verification runs nobody needs any more and what they hold; --delete removes them. Runs "
        "that go on, that people review by, or that stopped and are the newest keep theirs. Exits 0 when done."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dataset", metavar="SLUG", help="only of this dataset (all)")
        parser.add_argument(
            "--keep", type=int, default=1, metavar="N", help="newest finished runs of each dataset that keep theirs (1)"
        )
        parser.add_argument(
            "--unknown",
            action="store_true",
            help="also folders of which this database has no run; not where another database shares the data folder",
        )
        parser.add_argument("--delete", action="store_true", help="remove them; without, nothing is removed")

    def handle(self, *, dataset: str | None, keep: int, unknown: bool, delete: bool, **_: Any) -> None:
        if keep < 0:
            self.stop(f"--keep is {keep}: expected 0 or more.")
        target = None if dataset is None else self.dataset(dataset)
        if unknown and target is not None:
            self.stop("--unknown is for all datasets: leave --dataset out.")
        found = unneeded_folders(keep=keep, dataset=target, unknown=unknown)
        gone = [folder for folder in found if not delete or remove_folder(folder, keep=keep)]
        for folder in gone:
            self.stdout.write(_line(folder))
        size = _megabytes(sum(folder.size_bytes for folder in gone))
        if delete:
            self.stdout.write(f"{len(gone)} folders removed, {size} freed.")
        else:
            self.stdout.write(f"{len(gone)} folders, {size}. Nothing was removed: --delete does that.")


def _line(folder: UnneededFolder) -> str:
    whose = "no run" if folder.run is None else f"{folder.run.dataset.slug} run {folder.run.number}"
    return f"{whose}: {folder.path}, {_megabytes(folder.size_bytes)}: {folder.reason}"


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / MEGABYTE:.1f} MB"
