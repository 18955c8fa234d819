"""Panels of upper floors, filled for one page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from curation.models import Clip, Submission
from curation.registry import Place, panels
from curation.selectors.history import HistoryEvent


@dataclass(frozen=True, kw_only=True)
class FilledPanel:
    """A panel that has something to show."""

    name: str
    template: str
    context: dict[str, Any]


def filled_panels(request: HttpRequest, place: Place, subject: Clip | Submission) -> list[FilledPanel]:
    """Ask every floor for its part of a page; panels without a context are left out."""
    return [
        FilledPanel(name=panel.name, template=panel.template, context=context)
        for panel in panels
        if panel.place == place and (context := panel.context(request, subject)) is not None
    ]


def history_of(filled: list[FilledPanel]) -> list[HistoryEvent]:
    """Return what upper floors know of the subject's history."""
    return [event for panel in filled for event in panel.context.get("history", ())]
