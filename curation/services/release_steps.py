"""The last steps of the pipeline: `split` and `export`."""

from __future__ import annotations

from typing import Any

from curation.domain.progress import Progress
from curation.domain.shares import Shares
from curation.domain.split_gaps import remedy, split_gaps
from curation.exports.errors import ExportError
from curation.exports.previous import previous_export
from curation.models import Dataset
from curation.registry import PipelineStep, StepResult
from curation.selectors.splits import latest_split, participants_by_subset, releasable_annotations
from curation.services.export_job import export_here
from curation.services.splits import METHODS, make_split, shares_that_help


def _check_split(section: dict[str, Any]) -> None:
    if section.get("method", METHODS[0]) not in METHODS:
        message = f"method {section['method']!r} is unknown. Known: {', '.join(METHODS)}."
        raise ValueError(message)
    Shares.parse(section.get("train", 0), section.get("val", 0))


def _split(dataset: Dataset, section: dict[str, Any], progress: Progress) -> StepResult:
    """Split by the section; without one as the latest split was made, or by the policy."""
    if not releasable_annotations(dataset).exists():
        return StepResult(summary="no clips yet")
    latest = latest_split(dataset)
    if not section and latest:
        section = {"method": latest.method, "train": latest.parameters["train"], "val": latest.parameters["val"]}
    split = make_split(dataset=dataset, **section, progress=progress)
    people = ", ".join(f"{count} {subset}" for subset, count in participants_by_subset(split).items())
    known = "known already" if latest and latest.pk == split.pk else "made"
    gaps = split_gaps(split.table, split.parameters)
    mind = " ".join(["." if gaps else "", *gaps, *([remedy(shares_that_help(split))] if gaps else [])]).rstrip(".")
    return StepResult(summary=f"split {split.number} {known}: participants {people}{mind}")


def _check_export(section: dict[str, Any]) -> None:
    if not isinstance(section.get("release", ""), str):
        message = f'release must be text in quotes, such as "{section["release"]}".'
        raise ValueError(message)  # noqa: TRY004 -- what steps raise
    number = section.get("split")
    if number is not None and (not isinstance(number, int) or isinstance(number, bool) or number < 1):
        message = f"split must be the number of a split, from 1, not {number!r}."
        raise ValueError(message)


def _look_at_target(section: dict[str, Any], slug: str) -> None:
    try:
        previous_export(section["out"], slug, section.get("release", ""))
    except ExportError as error:
        raise ValueError(str(error)) from error


def _export(dataset: Dataset, section: dict[str, Any], progress: Progress) -> StepResult:
    report = export_here(
        dataset=dataset,
        target=section["out"],
        split_number=section.get("split"),
        version=section.get("release", ""),
        wait=True,
        progress=progress,
    )
    return StepResult(summary=report.summary().splitlines()[0])  # the split's gaps were told by its own step


SPLIT = PipelineStep(
    name="split", order=600, run=_split, keys=("method", "train", "val"), check=_check_split, needs_section=False
)
EXPORT = PipelineStep(
    name="export",
    order=700,
    run=_export,
    paths=("out",),
    keys=("release", "split"),
    required=("out",),
    check=_check_export,
    look=_look_at_target,
)
