"""The rating page: one clip and one category at a time, four answers, then straight to the next."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from annotate.forms import ANSWERS, RatingForm
from annotate.models.rating import RatingSource
from annotate.selectors.queue import are_looked_at, open_annotations, waiting_annotations
from annotate.selectors.ratings import ratings_given
from annotate.services.ratings import RatingRefusedError, record_rating
from curation.models import CandidateAnnotation, Category, Participant
from curation.views.judging import Skipped, in_place, open_judging, row_number, waiting_text
from curation.views.player import Player, clip_player
from curation.views.shell import Desk, render_page

LOADED_AHEAD = 2


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def rate(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the next candidate annotation to rate; take a rating or a skip and go on to the next."""
    desk, annotator = open_judging(request, slug)
    category = _category(request, desk)
    skipped = Skipped(request, "annotations", desk.dataset.pk)
    if request.method != "POST":
        return _page(request, desk, annotator, category, skipped)
    if "again" in request.POST:
        skipped.clear()
    elif put_aside := row_number(request.POST.get("skip", "")):
        skipped.add(put_aside)
    else:
        form = RatingForm(request.POST)
        if not form.is_valid():
            return _page(request, desk, annotator, category, skipped, form)
        _take(request, desk, annotator, form)
    if in_place(request):
        return _page(request, desk, annotator, category, skipped)
    query = f"?{urlencode({'category': category.pk})}" if category else ""
    return redirect(f"{reverse('rate', args=(slug,))}{query}")


def _category(request: HttpRequest, desk: Desk) -> Category | None:
    """Return the one category that the address narrows the work to."""
    asked = row_number(request.GET.get("category", ""))
    return get_object_or_404(Category, dataset=desk.dataset, pk=asked) if asked else None


def _take(request: HttpRequest, desk: Desk, annotator: Participant, form: RatingForm) -> None:
    """Store the rating; a refusal becomes a message, and the page goes on."""
    annotation = get_object_or_404(CandidateAnnotation, dataset=desk.dataset, pk=form.cleaned_data["annotation"])
    try:
        record_rating(
            annotation=annotation,
            annotator=annotator,
            presence=form.cleaned_data["presence"],
            source=RatingSource.WEB,
        )
    except RatingRefusedError as error:
        known = {
            "already_rated": _(
                "You had rated this already: your first answer stays, this one was not stored. Here is the next one."
            )
        }
        messages.warning(request, known.get(error.reason, error.detail))


def _page(
    request: HttpRequest,
    desk: Desk,
    annotator: Participant,
    category: Category | None,
    skipped: Skipped,
    form: RatingForm | None = None,
) -> HttpResponse:
    waiting = open_annotations(desk.dataset, annotator, category).select_related("clip", "category")
    queue = list(waiting.exclude(pk__in=skipped.keys)[: 1 + LOADED_AHEAD])
    if form is not None:  # no answer chosen: ask again about the same one
        asked = waiting.filter(pk=form.cleaned_data.get("annotation", 0)).first()
        queue = [asked, *(other for other in queue if other != asked)] if asked else queue
    annotation = queue[0] if queue else None
    return render_page(
        request,
        "rate.html",
        {
            "annotation": annotation,
            "category": category,
            "player": _player(annotation) if annotation else None,
            "answers": ANSWERS,
            "form": form,
            "skipped": skipped.count_in(waiting),
            "given": ratings_given(annotator),
            "waiting": _waiting_text(waiting) if annotation else "",
            "upcoming": [_player(other).preload() for other in queue[1:]],
        },
        desk=desk,
        status=422 if form is not None else 200,
    )


def _waiting_text(served: QuerySet[CandidateAnnotation]) -> str:
    return waiting_text(waiting_annotations(served), is_all=are_looked_at(served))


def _player(annotation: CandidateAnnotation) -> Player:
    """Return the clip's player; its name would give the answer away, so it goes by number."""
    return clip_player(annotation.clip, label=_("Clip %(number)d") % {"number": annotation.clip_id})
