"""Decide submissions anew after the policy changed."""

from __future__ import annotations

from typing import Any

from curation.management.row_command import DatasetCommand
from validate.services.votes import recompute_decisions


class Command(DatasetCommand):
    help = "Apply the policy in force to all votes: settle what can be settled, count what was decided otherwise."

    def handle(self, *_: Any, **options: Any) -> None:
        dataset = self.dataset(options["dataset"])
        with self.progress("decisions", "submissions") as progress:
            found = recompute_decisions(dataset=dataset, progress=progress)
        self.recount()
        self.stdout.write(
            f"{found.checked} submissions with votes, {found.settled} newly decided, "
            f"{found.differing} decided otherwise before; those stay as they were decided."
        )
