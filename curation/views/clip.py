"""The page of one clip: the sound, what is claimed about it, and how it came here."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from curation.models import Clip, Role
from curation.selectors.clips import annotations_of, clips_with_neighbours, split_assignments_of
from curation.selectors.disclosure import reach_in
from curation.selectors.history import clip_history, timeline
from curation.views.facts import clip_facts
from curation.views.filled_panels import filled_panels, history_of
from curation.views.player import clip_player
from curation.views.shell import Desk, open_dataset, render_page


@require_safe
@login_required
def clip_page(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Show a clip to somebody who may hear it; to others it is not found."""
    desk = open_dataset(request, slug)
    clip = get_object_or_404(clips_with_neighbours(request.user, desk.dataset, desk.roles), pk=pk)
    annotations = list(annotations_of(clip, reach_in(request.user, desk.dataset, desk.roles)))
    disclosed = [annotation for annotation in annotations if getattr(annotation, "is_disclosed", False)]
    assignments = list(split_assignments_of(clip))
    filled = filled_panels(request, "clip", clip)
    return render_page(
        request,
        "clip.html",
        {
            "clip": clip,
            "player": clip_player(clip),
            "facts": clip_facts(clip),
            "annotations": annotations,
            "assignment": assignments[0] if assignments else None,
            "opens_submission": _opens_submission(request, desk, clip),
            "panels": filled,
            "history": timeline([*clip_history(clip, disclosed, assignments), *history_of(filled)]),
        },
        desk=desk,
    )


def _opens_submission(request: HttpRequest, desk: Desk, clip: Clip) -> bool:
    """Tell whether the person may open the accepted recording that the clip was cut from."""
    if clip.submission is None:
        return False
    own = clip.submission.participant.user_id == request.user.pk
    return desk.runs_dataset or (own and Role.PARTICIPANT in desk.roles)
