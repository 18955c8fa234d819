"""Why a submission was rejected, for a list of submissions."""

from __future__ import annotations

from django import template

from curation.models import Submission, SubmissionState
from validate.panels import objections_to

register = template.Library()


@register.filter
def objections(submission: Submission) -> list[tuple[str, int]]:
    """Return the criteria that voters objected to with the number who did; nothing unless rejected."""
    return objections_to(submission) if submission.state == SubmissionState.REJECTED else []
