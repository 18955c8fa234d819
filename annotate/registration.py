"""What annotation adds to the floor below: steps of the pipeline, tables of the export, stages, panels."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from annotate.panels import PANELS, PLACE
from annotate.selectors.quality import quality_rows, state_counts
from annotate.selectors.queue import needing_ratings
from annotate.selectors.ratings import ratings_by
from annotate.selectors.tables import HEADER as RATING_HEADER
from annotate.selectors.tables import rating_rows
from annotate.services.quality import HEADER as QUALITY_HEADER
from annotate.services.quality import QUALITY_PART, quality_cells, write_quality
from annotate.services.rating_import import RatingImporter
from curation import registry
from curation.domain.progress import Progress
from curation.models import AnnotationState, CandidateAnnotation, Dataset
from curation.registry import ClaimJudgements, ExportTable, PipelineStep, Stage, StepResult, SummaryPart
from curation.services.csv_rows import look_at_header
from curation.services.row_import import import_rows

# FSDKaggle2018, section 3.4: "The non-verified annotations have a QE of at least 65% in each category."
LEAST_RELEASED_QE = 0.65


def register() -> None:
    """Register all of it; called once, when the apps are ready."""
    registry.pipeline_steps.register(
        PipelineStep(
            name="ratings",
            order=400,
            run=_import_ratings,
            paths=("file",),
            keys=("known_participants",),
            required=("file",),
            check=_check_section,
            look=_look_at_file,
        )
    )
    registry.pipeline_steps.register(
        PipelineStep(name="quality_estimates", order=500, run=_write_quality, paths=("out",), required=("out",))
    )
    registry.export_tables.register(
        ExportTable(
            name="ratings.csv",
            order=400,
            header=RATING_HEADER,
            rows=rating_rows,
            description="Every rating as it was given: PP, PNP, NP or U on one category in one clip.",
        )
    )
    registry.export_tables.register(
        ExportTable(
            name="quality_estimates.csv",
            order=500,
            header=QUALITY_HEADER,
            rows=quality_cells,
            description="Per category the ratings by value, QE = (PP + PNP) / all, and its 95 % Wilson interval.",
        )
    )
    registry.stages.register(Stage(name="rated", order=400, label=_("Rated"), count=_rated))
    registry.stages.register(Stage(name="settled", order=410, label=_("Settled"), count=_settled))
    registry.summary_parts.register(SummaryPart(name=QUALITY_PART, order=500, compute=_quality))
    registry.claim_judgements.register(ClaimJudgements(name="ratings", order=400, by=ratings_by))
    registry.nav_places.register(PLACE)
    for panel in PANELS:
        registry.panels.register(panel)


def _import_ratings(dataset: Dataset, section: dict[str, Any], progress: Progress) -> StepResult:
    importer = RatingImporter(dataset=dataset, known_participants=section.get("known_participants", False))
    report = import_rows(dataset=dataset, path=section["file"], importer=importer, progress=progress)
    return StepResult(
        summary=f"{report.accepted} ratings stored, {report.unchanged} known already",
        refused=report.refused,
        refused_path=report.refused_path,
        refused_before=report.refused_before,
    )


def _look_at_file(section: dict[str, Any], slug: str) -> None:  # noqa: ARG001 -- the registry's signature
    look_at_header(section["file"], required=RatingImporter.required)


def _check_section(section: dict[str, Any]) -> None:
    if section.get("known_participants", False) not in (True, False):
        message = f"known_participants = {section['known_participants']!r}: write true or false."
        raise ValueError(message)


def _write_quality(dataset: Dataset, section: dict[str, Any], progress: Progress) -> StepResult:
    table = list(quality_cells(dataset))
    write_quality(table=table, path=section["out"])
    progress(1, 1)
    return StepResult(summary=f"quality estimates of {len(table)} categories written to {section['out'].name}")


def _rated(dataset: Dataset) -> tuple[int, list[tuple[str, int]]]:
    """Count the candidate annotations that somebody rated, and those that wait for a first rating.

    Labels that came verified, or that a curator accepted after verification, are neither unless somebody rated them.
    """
    counts = state_counts(dataset)
    rated = counts[AnnotationState.UNDECIDED] + counts[AnnotationState.SETTLED]
    unrated = CandidateAnnotation.objects.filter(dataset=dataset, state=AnnotationState.UNRATED).order_by()
    return rated, [(gettext_noop("to go"), needing_ratings(unrated).count())]


def _settled(dataset: Dataset) -> tuple[int, list[tuple[str, int]]]:
    """Count the candidate annotations on which people agree, and those on which they do not (yet)."""
    counts = state_counts(dataset)
    return counts[AnnotationState.SETTLED], [(gettext_noop("undecided"), counts[AnnotationState.UNDECIDED])]


def _quality(dataset: Dataset) -> dict[str, Any]:
    """Return the quality estimates as plain values, by name."""
    return {"threshold": LEAST_RELEASED_QE, "categories": quality_rows(dataset)}
