"""The lists of submissions and clips: filtered, searched by id, read page by page."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from curation.models import AnnotationState, SubmissionState
from curation.selectors.lists import DECIDED, RATED, UNCUT, category_choices, clip_page, submission_page
from curation.views.shell import Desk, open_dataset, render_page


@require_safe
@login_required
def submissions(request: HttpRequest, slug: str) -> HttpResponse:
    """List the submissions that the person may see."""
    desk = open_dataset(request, slug)
    filters = _filters(request)
    page = submission_page(
        user=request.user, dataset=desk.dataset, roles=desk.roles, cursor=request.GET.get("cursor", ""), **filters
    )
    context = {
        "page": page,
        "filters": filters,
        "states": [*SubmissionState.choices, (DECIDED, _("decided")), (UNCUT, _("accepted, to cut"))],
        "categories": category_choices(desk.dataset),
    }
    return render_page(request, "submissions.html", context, desk=desk)


@require_safe
@login_required
def clips(request: HttpRequest, slug: str) -> HttpResponse:
    """List the clips that the person may hear."""
    desk = open_dataset(request, slug)
    filters = _filters(request)
    page = clip_page(
        user=request.user, dataset=desk.dataset, roles=desk.roles, cursor=request.GET.get("cursor", ""), **filters
    )
    context = {
        "page": page,
        "filters": filters,
        "states": _clip_states(desk),
        "categories": category_choices(desk.dataset),
    }
    return render_page(request, "clips.html", context, desk=desk)


def _clip_states(desk: Desk) -> list[tuple[str, Any]]:
    """Return what the list of clips can be narrowed to: who does not run the dataset knows what they rated alone."""
    if desk.runs_dataset:
        return [*AnnotationState.choices, (RATED, _("rated"))]
    known = (AnnotationState.UNDECIDED, AnnotationState.SETTLED)
    return [*((state.value, state.label) for state in known), (RATED, _("rated by you"))] if desk.lists_clips else []


def _filters(request: HttpRequest) -> dict[str, str]:
    """Read what narrows a list; PostgreSQL knows no NUL in text."""
    return {name: request.GET.get(name, "").replace("\x00", "").strip() for name in ("state", "category", "q")}
