"""What label verification adds to the floors below: kinds of jobs, tables of the export, figures of the summary."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from curation import registry
from curation.models import Dataset
from curation.registry import ClaimConfirmations, ConsensusFollower, ExportTable, SummaryPart
from ml.panels import PANEL, PLACE, VERIFICATION_PART
from ml.selectors.acceptances import acceptances_in_force, accepted_count
from ml.selectors.run_figures import run_totals
from ml.selectors.run_in_force import run_in_force
from ml.selectors.tables import (
    ACCEPTANCE_HEADER,
    VERIFICATION_HEADER,
    acceptance_rows,
    has_acceptances,
    has_verification,
    verification_rows,
)
from ml.services.label_standing import refresh_standing
from ml.services.verification_jobs import KINDS


def register() -> None:
    """Register all of it; called once, when the apps are ready."""
    for kind in KINDS:
        registry.job_kinds.register(kind)
    registry.export_tables.register(
        ExportTable(
            name="verification.csv",
            order=600,
            header=VERIFICATION_HEADER,
            rows=verification_rows,
            description=(
                "The label verification in force: of each label the probability that it is right, what models hear, "
                "the parts of its review priority, and whether a curator accepted it."
            ),
            wanted=has_verification,
        )
    )
    registry.export_tables.register(
        ExportTable(
            name="acceptances.csv",
            order=610,
            header=ACCEPTANCE_HEADER,
            rows=acceptance_rows,
            description="Every label that a curator accepted unheard, and every such word that was taken back.",
            wanted=has_acceptances,
        )
    )
    registry.consensus_followers.register(ConsensusFollower(name="predictions", order=600, follow=_follow))
    registry.claim_confirmations.register(ClaimConfirmations(name="acceptances", order=600, rows=acceptances_in_force))
    registry.nav_places.register(PLACE)
    registry.dataset_panels.register(PANEL)
    registry.summary_parts.register(SummaryPart(name=VERIFICATION_PART, order=600, compute=_counts))


def _follow(annotation_ids: Collection[int]) -> None:
    """Let predictions know that people settled labels, or are found to disagree after all."""
    refresh_standing(annotation_ids=annotation_ids)


def _counts(dataset: Dataset) -> dict[str, Any]:
    """Count what the run in force found, and what is accepted; nothing before there is such a run."""
    run = run_in_force(dataset)
    totals = None if run is None else run_totals(run)
    if run is None or totals is None:
        return {}
    return {
        "run": run.number,
        "chosen": getattr(run, "chosen", None) is not None,
        "judged": totals.judged,
        "probably_wrong": totals.probably_wrong,
        "would_accept": totals.would_accept,
        "accepted": accepted_count(dataset),
    }
