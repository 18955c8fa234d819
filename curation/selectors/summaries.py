"""Counting a dataset, and reading what was counted.

Counting goes over every row and takes seconds at a million clips, so pages read the stored
`DatasetSummary` (one query) and `curation.services.summaries` makes it anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Q
from django.utils import translation
from django.utils.translation import gettext, gettext_noop

from curation.models import (
    AnnotationState,
    CandidateAnnotation,
    Category,
    Clip,
    Dataset,
    DatasetSummary,
    ImportRun,
    Presence,
    Release,
    Submission,
    SubmissionState,
)
from curation.registry import stages, summary_parts

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

FRESH = timedelta(seconds=15)
COST_FACTOR = 50  # counting may take a fiftieth of a worker's time, however many people look

StageCount = tuple[int, list[tuple[str, int]]]


@dataclass(frozen=True, kw_only=True)
class StageNote:
    """What is stuck at a stage: `name` in English, as it is stored, `label` as it is shown."""

    name: str
    label: str
    count: int


@dataclass(frozen=True, kw_only=True)
class StageLine:
    """One stage as the page shows it: how many passed, and what is stuck there."""

    name: str
    label: StrOrPromise
    passed: int
    notes: list[StageNote]


@dataclass(frozen=True, kw_only=True)
class SummaryView:
    """A dataset's counts.

    Attributes
    ----------
    stages : list of StageLine
        In the order of the pipeline.
    categories : list of dict
        ``id name external_id clips present absent undecided unrated``: candidate annotations by where
        they stand (present: settled as PP or PNP; absent: settled as NP), largest first.
    parts : dict
        What upper floors counted, by the name of their `SummaryPart`.
    computed_at : datetime
        When.
    stale_at : datetime
        From when on it is worth counting again: the longer counting takes, the later.
    """

    stages: list[StageLine]
    categories: list[dict[str, Any]]
    parts: dict[str, dict[str, Any]]
    computed_at: datetime
    stale_at: datetime


def compute_summary(dataset: Dataset) -> dict[str, Any]:
    """Count everything; notes are stored in English and translated when they are shown."""
    with translation.override("en"):
        return {
            "stages": {
                stage.name: [passed, [[str(note), count] for note, count in notes]]
                for stage in stages
                for passed, notes in [stage.count(dataset)]
            },
            "categories": _categories(dataset),
            "parts": {part.name: part.compute(dataset) for part in summary_parts},
        }


def stored_summary(dataset: Dataset) -> SummaryView | None:
    """Return what was counted last, or None if nothing was yet."""
    row = DatasetSummary.objects.filter(dataset=dataset).first()
    return None if row is None else read_summary(row)


def read_summary(row: DatasetSummary) -> SummaryView:
    """Turn a stored document into what a page shows; stages registered since then show nothing."""
    counted = row.document.get("stages", {})
    return SummaryView(
        stages=[
            StageLine(
                name=stage.name,
                label=stage.label,
                passed=counted[stage.name][0],
                notes=[
                    StageNote(name=note, label=gettext(note), count=count)
                    for note, count in counted[stage.name][1]
                    if count
                ],
            )
            for stage in stages
            if stage.name in counted
        ],
        categories=row.document.get("categories", []),
        parts=row.document.get("parts", {}),
        computed_at=row.computed_at,
        stale_at=row.computed_at + max(FRESH, COST_FACTOR * timedelta(seconds=row.document.get("cost_s", 0.0))),
    )


def is_small(dataset: Dataset, limit: int) -> bool:
    """Tell whether a dataset has at most `limit` clips and submissions; reads no more than that many keys."""
    clips = Clip.objects.filter(dataset=dataset).order_by().values("pk")[: limit + 1].count()
    if clips > limit:
        return False
    return Submission.objects.filter(dataset=dataset).order_by().values("pk")[: limit + 1].count() <= limit


def count_recorded(dataset: Dataset) -> StageCount:
    """Count submissions that came in, and rows of recordings that the newest import of each file refused."""
    runs = ImportRun.objects.filter(dataset=dataset, kind="recordings").order_by("finished_at", "pk")
    refused = dict(runs.values_list("file_name", "refused"))  # of each name the last stays
    return Submission.objects.filter(dataset=dataset).count(), [(gettext_noop("refused"), sum(refused.values()))]


def count_accepted(dataset: Dataset) -> StageCount:
    """Count accepted submissions, with those that were rejected."""
    states = dict(Submission.objects.filter(dataset=dataset).order_by().values_list("state").annotate(rows=Count("pk")))
    return states.get(SubmissionState.ACCEPTED, 0), [
        (gettext_noop("rejected"), states.get(SubmissionState.REJECTED, 0)),
    ]


def count_clips(dataset: Dataset) -> StageCount:
    """Count clips, with the accepted submissions that are not cut yet."""
    uncut = Submission.objects.filter(dataset=dataset, state=SubmissionState.ACCEPTED, segmented_at__isnull=True)
    return Clip.objects.filter(dataset=dataset).count(), [(gettext_noop("recordings to cut"), uncut.count())]


def count_releases(dataset: Dataset) -> StageCount:
    """Count releases."""
    return Release.objects.filter(dataset=dataset).count(), []


def _categories(dataset: Dataset) -> list[dict[str, Any]]:
    settled = Q(state=AnnotationState.SETTLED)
    rows = (
        CandidateAnnotation.objects.filter(dataset=dataset)
        .order_by()
        .values("category")
        .annotate(
            clips=Count("pk"),
            present=Count("pk", filter=settled & ~Q(consensus=Presence.NP)),
            absent=Count("pk", filter=settled & Q(consensus=Presence.NP)),
            undecided=Count("pk", filter=Q(state=AnnotationState.UNDECIDED)),
            unrated=Count("pk", filter=Q(state=AnnotationState.UNRATED)),
        )
    )
    names = {
        pk: (name, external_id)
        for pk, name, external_id in Category.objects.filter(dataset=dataset).values_list("pk", "name", "external_id")
    }
    table: list[dict[str, Any]] = [
        {
            "id": row["category"],
            "name": names[row["category"]][0],
            "external_id": names[row["category"]][1],
            **{key: row[key] for key in ("clips", "present", "absent", "undecided", "unrated")},
        }
        for row in rows
    ]
    return sorted(table, key=lambda row: (-row["clips"], row["name"]))
