"""``manage.py import_recordings MANIFEST.csv --dataset SLUG``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from curation.management.row_command import DatasetCommand
from curation.services.recordings import import_recordings
from curation.services.worker_pool import usable_cores


class Command(DatasetCommand):
    help = (
        "Import recordings: columns path, category, participant and optional submission, device, city, recorded_at, "
        "licence, source_url, title. Originals are kept untouched."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("manifest", type=Path, metavar="MANIFEST.csv")
        parser.add_argument(
            "--audio-root", type=Path, metavar="DIR", help="read no file outside (the manifest's folder)"
        )
        parser.add_argument("--accepted", action="store_true", help="accept the submissions without votes")
        parser.add_argument("--known-participants", action="store_true", help="refuse participants not stored yet")
        parser.add_argument("--workers", type=int, default=usable_cores(), metavar="N", help="processes (all cores)")

    def handle(
        self,
        *,
        manifest: Path,
        dataset: str,
        audio_root: Path | None,
        accepted: bool,
        known_participants: bool,
        workers: int,
        **_: Any,
    ) -> None:
        target = self.dataset(dataset)
        if audio_root is not None and not audio_root.is_dir():
            self.stop(f"--audio-root {audio_root} is no folder.")
        if workers < 1:
            self.stop("--workers must be at least 1.")
        with self.progress("recordings", "line") as progress:
            report = import_recordings(
                dataset=target,
                path=manifest,
                audio_root=audio_root,
                accepted=accepted,
                known_participants=known_participants,
                workers=workers,
                progress=progress,
            )
        self.finish(report, "submissions")
