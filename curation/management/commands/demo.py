"""`demo`: a small dataset that has gone through the whole pipeline, and an account for each role."""

from __future__ import annotations

from typing import Any

from curation.demo.build import DemoRefusedError, build_datasets, demo_accounts
from curation.exports.errors import ExportError
from curation.management.row_command import DatasetCommand
from curation.services.splits import SplitError
from curation.settings import ENV


class Command(DatasetCommand):
    help = (
        "Fill the application with a demonstration: synthesised recordings, votes, ratings, splits and releases, and "
        "an account for each role. Safe to repeat; touches no dataset of yours."
    )

    def add_arguments(self, parser: Any) -> None:
        """Take no dataset: the demonstration has its own."""

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 -- Django's signature
        try:
            for step in build_datasets(
                data_dir=ENV.data_dir, show_progress=lambda name: self.progress(name, "row"), announce=self._announce
            ):
                outcome = step.outcome
                self.stdout.write(f"  {outcome.step:<18} {outcome.seconds:7.2f} s  {outcome.result.summary}")
        except (DemoRefusedError, ExportError, SplitError) as error:
            self.stop(str(error))
        accounts = demo_accounts(data_dir=ENV.data_dir)
        width = max(len(account.email) for account in accounts)
        self.stdout.write("\nAccounts of the demonstration (sign in by e-mail):\n")
        for account in accounts:
            self.stdout.write(f"  {account.role:<12} {account.email:<{width}}  {account.password}")

    def _announce(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()
