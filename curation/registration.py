"""What `curation` itself puts into the registry; called once from `CurationConfig.ready`."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from curation.registry import JobKind, Stage, job_kinds, pipeline_steps, stages
from curation.selectors import summaries
from curation.services import intake_steps, release_steps
from curation.services.export_job import EXPORTING
from curation.services.import_job import CLIPS, TAXONOMY
from curation.services.segmentation_job import SEGMENTATION
from curation.services.summaries import run_summarise


def register() -> None:
    """Register the stages of the dataset page that need no rows of upper floors, jobs, and steps of the pipeline."""
    stages.register(Stage(name="recorded", order=100, label=_("Recorded"), count=summaries.count_recorded))
    stages.register(Stage(name="accepted", order=250, label=_("Accepted"), count=summaries.count_accepted))
    stages.register(Stage(name="clips", order=300, label=_("Clips"), count=summaries.count_clips))
    stages.register(Stage(name="releases", order=900, label=_("Releases"), count=summaries.count_releases))
    job_kinds.register(JobKind(name="summarise", run=run_summarise))
    job_kinds.register(SEGMENTATION)
    job_kinds.register(EXPORTING)
    job_kinds.register(TAXONOMY)
    job_kinds.register(CLIPS)
    pipeline_steps.register(intake_steps.TAXONOMY)
    pipeline_steps.register(intake_steps.RECORDINGS)
    pipeline_steps.register(intake_steps.CLIPS)
    pipeline_steps.register(intake_steps.SEGMENT)
    pipeline_steps.register(release_steps.SPLIT)
    pipeline_steps.register(release_steps.EXPORT)
