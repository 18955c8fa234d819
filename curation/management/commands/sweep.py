"""Sweep by hand or from a timer; workers do it by themselves."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from curation.services.job_sweeper import sweep


class Command(BaseCommand):
    help = "Send jobs again whose worker died or whose message was lost."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--every", type=float, metavar="SECONDS", help="go on until stopped, looking this often")

    def handle(self, *, every: float | None, **_: Any) -> None:
        while True:
            report = sweep()
            self.stdout.write(
                f"{report.requeued} taken back, {report.failed} failed, {report.cancelled} cancelled, "
                f"{report.sent} sent"
            )
            if every is None:
                return
            time.sleep(every)
