"""Building the demonstration: files are synthesised, then the ordinary pipeline runs over them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from curation.demo import scenes, short_sounds
from curation.demo.accounts import DemoAccount, ensure_accounts
from curation.models import Dataset, Participant, Release
from curation.services.pipeline import ShowProgress, StepOutcome, check_pipeline, run_pipeline

# What marks a dataset as the demonstration's; a dataset of the same short name without it is never touched.
DESCRIPTION = "Synthesised by Earmark for its demonstration: no person and no place was recorded."
FOLDER = "demo"
PASSWORDS = "accounts.json"
RELEASE = "1.0"
PARTS: tuple[ModuleType, ...] = (scenes, short_sounds)


class DemoRefusedError(RuntimeError):
    """The demonstration would touch what is not its own; the message says what."""


@dataclass(frozen=True)
class DemoStep:
    """One step of one dataset's pipeline."""

    dataset: str
    outcome: StepOutcome


def check_demo() -> None:
    """Refuse if a dataset of the user's own has the demonstration's short name.

    Raises
    ------
    DemoRefusedError
        Naming the dataset.
    """
    for part in PARTS:
        dataset = Dataset.objects.filter(slug=part.SLUG).first()
        if dataset and not dataset.description.startswith(DESCRIPTION):
            message = (
                f"The dataset {part.SLUG!r} is not the demonstration's (its description is another). "
                "The demonstration leaves it alone and cannot be made beside it."
            )
            raise DemoRefusedError(message)


def build_datasets(
    *, data_dir: Path, show_progress: ShowProgress, announce: Callable[[str], None]
) -> Iterator[DemoStep]:
    """Make the demonstration's datasets, as far as they are not there.

    A dataset with its release is complete and is left as people have changed it since; one that a stopped
    run left is finished.

    Parameters
    ----------
    data_dir : Path
        The application's data folder; files go into a folder of it.
    show_progress : callable
        See `curation.services.pipeline.run_pipeline`.
    announce : callable
        Told what is begun.

    Yields
    ------
    DemoStep
        As each step ends.

    Raises
    ------
    DemoRefusedError
        See `check_demo`.
    """
    check_demo()
    for part in PARTS:
        if Release.objects.filter(dataset__slug=part.SLUG, version=RELEASE).exists():
            continue
        folder = data_dir / FOLDER / part.SLUG
        folder.mkdir(parents=True, exist_ok=True)
        announce(f"Synthesising sounds for {part.SLUG} …")
        config = check_pipeline(part.write_files(folder, DESCRIPTION))
        for outcome in run_pipeline(config=config, show_progress=show_progress):
            yield DemoStep(part.SLUG, outcome)


def demo_accounts(*, data_dir: Path) -> list[DemoAccount]:
    """Make the demonstration's accounts, as far as they are not there, and return all of them.

    Parameters
    ----------
    data_dir : Path
        The application's data folder; the passwords are kept in it.

    Returns
    -------
    list of DemoAccount
        One per role.
    """
    return ensure_accounts(
        datasets=Dataset.objects.filter(slug__in=[part.SLUG for part in PARTS]),
        passwords_path=data_dir / FOLDER / PASSWORDS,
        recorded_as=Participant.objects.get(dataset__slug=scenes.SLUG, code="user0001"),
    )
