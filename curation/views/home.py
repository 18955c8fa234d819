"""The first page: the person's datasets, and what to do next in each."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from curation.registry import panels
from curation.selectors.overview import HomeEntry, home_datasets
from curation.views.shell import destinations, render_page

MAIN_CALLS = ("vote", "rate")  # work first, looking second


@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """Show a card for each dataset in which the person has a role."""
    cards = []
    for entry in home_datasets(request.user):
        places = destinations(entry.dataset, entry.roles)
        if _takes_only_clips(entry):
            places = [place for place in places if place.name != "vote"]
        calls = [place for place in places if place.name in MAIN_CALLS]
        cards.append({"entry": entry, "calls": calls, "places": [place for place in places if place not in calls]})
    filled = [
        {"template": panel.template, **context}
        for panel in panels
        if panel.place == "home" and (context := panel.context(request, None)) is not None
    ]
    return render_page(request, "home.html", {"cards": cards, "panels": filled})


def _takes_only_clips(entry: HomeEntry) -> bool:
    """Tell whether the stored counts know clips, but no submission to vote on."""
    passed = {stage.name: stage.passed for stage in entry.summary.stages} if entry.summary else {}
    return bool(passed.get("clips")) and not passed.get("recorded")
