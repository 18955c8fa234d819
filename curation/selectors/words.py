"""Errors in the language of whoever reads them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.utils.translation import gettext

from curation.domain.sentences import Part, in_english, restored

if TYPE_CHECKING:
    from curation.models import Job  # what says sentences is imported where no application is set up, too

TOLD = "told"  # where a job's checkpoint keeps the sentences of its error


def in_words(parts: Iterable[Part]) -> str:
    """Say sentences in the language of the request; English where the catalogue lacks them."""
    return "".join(part if isinstance(part, str) else gettext(part.text) % part.values for part in parts)


def job_error(job: Job) -> str:
    """Return what went wrong with a job, in the language of the request if the job kept its sentences."""
    parts = restored(job.checkpoint.get(TOLD, ()))
    # They may be an earlier attempt's, and a very long error was cut.
    return in_words(parts) if parts and in_english(parts) == job.error else job.error
