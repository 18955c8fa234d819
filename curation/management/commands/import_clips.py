"""``manage.py import_clips MANIFEST.csv --dataset SLUG``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from curation.management.row_command import DatasetCommand
from curation.services.clips import import_clips
from curation.services.worker_pool import usable_cores


class Command(DatasetCommand):
    help = (
        "Import ready-cut clips: columns path, label, verified, group and optional licence, source_url, uploader, "
        "tags, title. A candidate annotation each."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("manifest", type=Path, metavar="MANIFEST.csv")
        parser.add_argument(
            "--audio-root", type=Path, metavar="DIR", help="read no file outside (the manifest's folder)"
        )
        parser.add_argument("--workers", type=int, default=usable_cores(), metavar="N", help="processes (all cores)")

    def handle(self, *, manifest: Path, dataset: str, audio_root: Path | None, workers: int, **_: Any) -> None:
        target = self.dataset(dataset)
        if audio_root is not None and not audio_root.is_dir():
            self.stop(f"--audio-root {audio_root} is no folder.")
        if workers < 1:
            self.stop("--workers must be at least 1.")
        with self.progress("clips", "line") as progress:
            report = import_clips(
                dataset=target, path=manifest, audio_root=audio_root, workers=workers, progress=progress
            )
        self.finish(report, "annotations")
