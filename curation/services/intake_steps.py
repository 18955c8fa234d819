"""The first steps of the pipeline: `taxonomy`, `recordings`, `clips` and `segment`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from curation.domain.progress import Progress
from curation.models import Dataset
from curation.registry import PipelineStep, StepResult
from curation.services.clips import CLIP_COLUMNS, import_clips
from curation.services.csv_rows import look_at_header
from curation.services.recordings import RECORDING_COLUMNS, import_recordings
from curation.services.row_import import ImportReport
from curation.services.segmentation import submissions_without_clips
from curation.services.segmentation_job import segment_here, write_refused
from curation.services.taxonomy import import_taxonomy
from curation.services.taxonomy_files import read_taxonomy
from curation.services.worker_pool import usable_cores


def _check(section: dict[str, Any]) -> None:
    """Check the keys that are not paths."""
    for key in ("accepted", "known_participants"):
        if not isinstance(section.get(key, False), bool):
            message = f"{key} = {section[key]!r}: write true or false."
            raise ValueError(message)  # noqa: TRY004 -- what steps raise
    workers = section.get("workers", 1)
    if not isinstance(workers, int) or isinstance(workers, bool) or workers < 1:
        message = f"workers = {workers!r}: must be a whole number from 1."
        raise ValueError(message)


def _look_at_taxonomy(section: dict[str, Any], slug: str) -> None:  # noqa: ARG001 -- the registry's signature
    read_taxonomy(section["file"])  # whole: it is small, and only whole can JSON be judged


def _look_at_recordings(section: dict[str, Any], slug: str) -> None:  # noqa: ARG001 -- as above
    look_at_header(section["manifest"], required=RECORDING_COLUMNS)


def _look_at_clips(section: dict[str, Any], slug: str) -> None:  # noqa: ARG001 -- as above
    look_at_header(section["manifest"], required=CLIP_COLUMNS)


def _result(report: ImportReport, noun: str) -> StepResult:
    return StepResult(
        summary=f"{report.accepted} {noun} stored, {report.unchanged} known already",
        refused=report.refused,
        refused_path=report.refused_path,
        refused_before=report.refused_before,
    )


def _taxonomy(dataset: Dataset, section: dict[str, Any], progress: Progress) -> StepResult:
    taxonomy = read_taxonomy(section["file"])
    return _result(import_taxonomy(dataset=dataset, taxonomy=taxonomy, progress=progress), "categories")


def _recordings(dataset: Dataset, section: dict[str, Any], progress: Progress) -> StepResult:
    report = import_recordings(
        dataset=dataset,
        path=section["manifest"],
        audio_root=section.get("audio_root"),
        accepted=section.get("accepted", False),
        known_participants=section.get("known_participants", False),
        workers=section.get("workers", usable_cores()),
        progress=progress,
    )
    return _result(report, "submissions")


def _clips(dataset: Dataset, section: dict[str, Any], progress: Progress) -> StepResult:
    report = import_clips(
        dataset=dataset,
        path=section["manifest"],
        audio_root=section.get("audio_root"),
        workers=section.get("workers", usable_cores()),
        progress=progress,
    )
    return _result(report, "annotations")


def _segment(dataset: Dataset, section: dict[str, Any], progress: Progress) -> StepResult:
    report = segment_here(dataset=dataset, workers=section.get("workers", usable_cores()), wait=True, progress=progress)
    refused = submissions_without_clips(dataset=dataset, report=report)
    reasons = Counter(one.reason for _, one in refused)
    counted = "".join(f", {count} {reason}" for reason, count in sorted(reasons.items()))
    listed = Path.cwd() / f"{dataset.slug}.segment.refused.csv"
    written = bool(refused)
    try:
        write_refused(refused=refused, path=listed)
    except OSError:  # nobody may write here; `segment --refused` lists them elsewhere
        written = False
    return StepResult(
        summary=f"{report.submissions} submissions cut into {report.clips} clips{counted}",
        refused=len(refused),
        refused_path=listed if written else None,
        refused_before=bool(refused) and not report.refused,
    )


TAXONOMY = PipelineStep(
    name="taxonomy", order=50, run=_taxonomy, paths=("file",), required=("file",), look=_look_at_taxonomy
)
RECORDINGS = PipelineStep(
    name="recordings",
    order=100,
    run=_recordings,
    paths=("manifest", "audio_root"),
    keys=("accepted", "known_participants", "workers"),
    required=("manifest",),
    check=_check,
    look=_look_at_recordings,
)
CLIPS = PipelineStep(
    name="clips",
    order=110,
    run=_clips,
    paths=("manifest", "audio_root"),
    keys=("workers",),
    required=("manifest",),
    check=_check,
    look=_look_at_clips,
)
SEGMENT = PipelineStep(name="segment", order=300, run=_segment, keys=("workers",), check=_check, needs_section=False)
