"""Compute consensus anew after the policy changed."""

from __future__ import annotations

from typing import Any

from annotate.services.ratings import recompute_consensus
from curation.management.row_command import DatasetCommand


class Command(DatasetCommand):
    help = "Apply the policy in force to all ratings and store where each candidate annotation stands."

    def handle(self, *_: Any, **options: Any) -> None:
        dataset = self.dataset(options["dataset"])
        with self.progress("consensus", "annotations") as progress:
            rated, settled = recompute_consensus(dataset=dataset, progress=progress)
        self.recount()
        self.stdout.write(f"{rated} rated candidate annotations, {settled} of them settled.")
