"""Run a worker: takes jobs from the broker's hints and the database's rows, and sweeps."""

from __future__ import annotations

import os
import warnings
from typing import Any

from celery.exceptions import SecurityWarning
from django.core.management.base import BaseCommand, CommandParser

from curation.celery import app


class Command(BaseCommand):
    help = "Run background jobs until stopped; every worker also sweeps for jobs whose worker died."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--concurrency", type=int, default=1, metavar="N", help="jobs at the same time (1)")
        parser.add_argument(
            "--queues", default="default", metavar="A,B", help="queues to serve (default); GPU workers serve gpu"
        )

    def handle(self, *, concurrency: int, queues: str, **_: Any) -> None:
        # Celery warns root of pickled messages; ours are JSON and hold one id.
        warnings.filterwarnings("ignore", category=SecurityWarning)
        app.start(
            [
                "--quiet",
                "worker",
                f"--concurrency={max(concurrency, 1)}",
                f"--queues={queues}",
                f"--hostname=earmark-{os.getpid()}@%h",
                "--loglevel=WARNING",
                "--without-gossip",
                "--without-mingle",
            ]
        )
