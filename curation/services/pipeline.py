"""All steps from files to an export, in one go.

The steps come from the registry, in their order, so that the floors above add theirs. Each step can be
repeated: rows that are known are not stored again, recordings that are cut are not cut again, an export
that stands there already is not written again. That is all a restart needs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from django.db import transaction

from curation import registry
from curation.domain.pipeline_config import PipelineConfig, PipelineConfigError, SectionRules, read_pipeline_config
from curation.domain.progress import Progress
from curation.models import Dataset
from curation.registry import StepResult
from curation.services.datasets import create_dataset, set_policy
from curation.services.summaries import request_summary

ShowProgress = Callable[[str], AbstractContextManager[Progress]]


@dataclass(frozen=True, kw_only=True)
class StepOutcome:
    """What one step did and how long it took."""

    step: str
    result: StepResult
    seconds: float


def check_pipeline(path: Path) -> PipelineConfig:
    """Read a configuration and check all of it against the registered steps.

    Parameters
    ----------
    path : Path
        A TOML file.

    Returns
    -------
    PipelineConfig
        Ready to run.

    Raises
    ------
    PipelineConfigError
        With every fault and its line.
    """
    steps = list(registry.pipeline_steps)
    rules = {step.name: SectionRules(paths=step.paths, keys=step.keys, required=step.required) for step in steps}
    config = read_pipeline_config(path, rules)
    faults = []
    for step in steps:
        section = config.sections.get(step.name)
        if section is None:
            continue
        try:
            if step.check:
                step.check(section)
            if step.look:
                step.look(section, config.slug)
        except ValueError as error:
            faults.append(f"{config.place(step.name)} {error}")
    if faults:
        raise PipelineConfigError(config.path, faults)
    return config


def run_pipeline(*, config: PipelineConfig, show_progress: ShowProgress) -> Iterator[StepOutcome]:
    """Run the steps that the configuration mentions, and those that always run.

    Parameters
    ----------
    config : PipelineConfig
        From `check_pipeline`.
    show_progress : callable
        Given a step's name; returns a context manager that gives the step its progress.

    Yields
    ------
    StepOutcome
        As each step ends. An error of a step ends the run; the steps before it stay done.
    """
    started = time.monotonic()
    dataset, summary = _prepare(config)
    yield StepOutcome(step="dataset", result=StepResult(summary=summary), seconds=time.monotonic() - started)
    for step in registry.pipeline_steps:
        if step.needs_section and step.name not in config.sections:
            continue
        started = time.monotonic()
        with show_progress(step.name) as progress:
            result = step.run(dataset, dict(config.sections.get(step.name, {})), progress)
        yield StepOutcome(step=step.name, result=result, seconds=time.monotonic() - started)
    request_summary(dataset=dataset)  # for the dataset's page


@transaction.atomic
def _prepare(config: PipelineConfig) -> tuple[Dataset, str]:
    """Make the dataset or bring its title, description and policy to what the configuration says."""
    dataset = Dataset.objects.filter(slug=config.slug).first()
    if dataset is None:
        dataset = create_dataset(
            slug=config.slug, title=config.title, description=config.description, policy=config.policy
        )
        return dataset, f"made {dataset.slug}, policy version 1"
    changed = []
    for name in ("title", "description"):
        value = getattr(config, name)
        if value and getattr(dataset, name) != value:
            setattr(dataset, name, value)
            changed.append(name)
    if changed:
        dataset.save(update_fields=changed)
    version = set_policy(dataset=dataset, policy=config.policy).version if config.policy else None
    known = f"{dataset.slug} known already"
    return dataset, f"{known}, policy version {version}" if version else known
