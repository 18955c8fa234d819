"""What validation adds to the floor below: a step of the pipeline, a table of the export, a stage, panels."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from curation import registry
from curation.domain.progress import Progress
from curation.models import Dataset, SubmissionState
from curation.registry import ExportTable, PipelineStep, Stage, StepResult
from curation.services.csv_rows import look_at_header
from curation.services.row_import import import_rows
from validate.panels import PANELS, PLACE
from validate.selectors.queue import state_counts
from validate.selectors.tables import HEADER, vote_rows
from validate.services.vote_import import VoteImporter


def register() -> None:
    """Register all of it; called once, when the apps are ready."""
    registry.pipeline_steps.register(
        PipelineStep(
            name="votes",
            order=200,
            run=_import_votes,
            paths=("file",),
            keys=("known_participants",),
            required=("file",),
            check=_check_section,
            look=_look_at_file,
        )
    )
    registry.export_tables.register(
        ExportTable(
            name="votes.csv",
            order=200,
            header=HEADER,
            rows=vote_rows,
            description="Every vote on a recording as it was given: yes or no on gain, privacy and acoustic cue.",
        )
    )
    registry.stages.register(Stage(name="checked", order=200, label=_("Checked"), count=_checked))
    registry.nav_places.register(PLACE)
    for panel in PANELS:
        registry.panels.register(panel)


def _import_votes(dataset: Dataset, section: dict[str, Any], progress: Progress) -> StepResult:
    importer = VoteImporter(dataset=dataset, known_participants=section.get("known_participants", False))
    report = import_rows(dataset=dataset, path=section["file"], importer=importer, progress=progress)
    return StepResult(
        summary=f"{report.accepted} votes stored, {report.unchanged} known already",
        refused=report.refused,
        refused_path=report.refused_path,
        refused_before=report.refused_before,
    )


def _look_at_file(section: dict[str, Any], slug: str) -> None:  # noqa: ARG001 -- the registry's signature
    look_at_header(section["file"], required=VoteImporter.required)


def _check_section(section: dict[str, Any]) -> None:
    if section.get("known_participants", False) not in (True, False):
        message = f"known_participants = {section['known_participants']!r}: write true or false."
        raise ValueError(message)


def _checked(dataset: Dataset) -> tuple[int, list[tuple[str, int]]]:
    """Count the submissions that are decided, and those that wait for votes."""
    counts = state_counts(dataset)
    decided = counts[SubmissionState.ACCEPTED] + counts[SubmissionState.REJECTED]
    return decided, [(gettext_noop("waiting"), counts[SubmissionState.UNDECIDED])]
