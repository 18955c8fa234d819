"""`pipeline`: from files to an export in one go."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from curation.domain.pipeline_config import PipelineConfigError
from curation.domain.progress import Progress
from curation.exports.errors import ExportError
from curation.management.row_command import SOME_REFUSED, DatasetCommand
from curation.models import Dataset
from curation.services.datasets import DatasetRefusedError
from curation.services.jobs import JobCancelledError
from curation.services.pipeline import StepOutcome, check_pipeline, run_pipeline
from curation.services.splits import SplitError


class Command(DatasetCommand):
    help = (
        "Run every step that CONFIG.toml names: import, cut, vote, rate, split, export. Run it again and it does "
        "only what is missing. Exits 0 when done, 1 if rows were refused, 2 if it could not go on."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("config", type=Path, metavar="CONFIG.toml")
        parser.add_argument("--check", action="store_true", help="check the configuration and run nothing")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 -- Django's signature
        refused = known_refused = 0
        try:
            config = check_pipeline(options["config"])
            if options["check"]:
                self.stdout.write(f"{options['config']}: ready to run for dataset {config.slug}.")
                return
            known = Dataset.objects.filter(slug=config.slug).exists()
            for outcome in run_pipeline(config=config, show_progress=self._bar):
                self._print(outcome)
                refused += outcome.result.refused
                known_refused += outcome.result.refused if outcome.result.refused_before else 0
        except (PipelineConfigError, DatasetRefusedError, ExportError, SplitError) as error:
            self.stop(str(error))
        except JobCancelledError:
            self.stop("Somebody cancelled the job of this step. Run the same command again for the rest.")
        if not known:
            self.say_if_nobody_works_in(Dataset.objects.get(slug=config.slug))
        if refused:
            before = " before already, and their files hold nothing new" if refused == known_refused else ""
            self.stdout.write(f"{refused} rows were refused{before}. Mend them and run the same command again.")
            sys.exit(SOME_REFUSED)

    def _bar(self, step: str) -> AbstractContextManager[Progress]:
        return self.progress(step, "row")

    def _print(self, outcome: StepOutcome) -> None:
        self.stdout.write(f"{outcome.step:<18} {outcome.seconds:8.2f} s  {outcome.result.summary}")
        if outcome.result.refused_path:
            self.stdout.write(f"{'':<30} refused rows: {outcome.result.refused_path}")
        self.stdout.flush()
