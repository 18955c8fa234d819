"""The page of one submission: the whole recording, its state and why, and the clips cut from it."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from curation.selectors.history import submission_history, timeline
from curation.selectors.submissions import audible_clips_of, submissions_with_neighbours
from curation.views.facts import submission_facts
from curation.views.filled_panels import filled_panels, history_of
from curation.views.player import submission_player
from curation.views.shell import open_dataset, render_page

MOST_CLIPS = 720  # two hours in segments of ten seconds


@require_safe
@login_required
def submission_page(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Show a submission to somebody who may hear it; to others it is not found."""
    desk = open_dataset(request, slug)
    submission = get_object_or_404(submissions_with_neighbours(request.user, desk.dataset, desk.roles), pk=pk)
    filled = filled_panels(request, "submission", submission)
    return render_page(
        request,
        "submission.html",
        {
            "submission": submission,
            "player": submission_player(submission),
            "facts": submission_facts(submission),
            "clips": list(audible_clips_of(request.user, submission)[:MOST_CLIPS]),
            "panels": filled,
            "history": timeline([*submission_history(submission), *history_of(filled)]),
        },
        desk=desk,
    )
