"""The dataset page: the pipeline as one line, categories, split, jobs and imports."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from curation.models import Role, User
from curation.registry import dataset_panels
from curation.selectors.overview import SplitView, own_counts, recent_imports, recent_jobs, split_view
from curation.selectors.summaries import SummaryView, stored_summary
from curation.services.refused_rows import refused_name_for
from curation.services.summaries import request_summary
from curation.views.shell import RUNS_DATASET, Desk, destinations, open_dataset, render_page

# Where the rows behind a stage's number are listed: the address's name and what narrows it.
STAGE_ROWS = {
    "recorded": ("submissions", ""),
    "checked": ("submissions", "?state=decided"),
    "accepted": ("submissions", "?state=accepted"),
    "clips": ("clips", ""),
    "rated": ("clips", "?state=rated"),
    "settled": ("clips", "?state=settled"),
}
NOTE_ROWS = {
    ("recorded", "refused"): ("dataset", "#imports-title"),
    ("checked", "waiting"): ("submissions", "?state=undecided"),
    ("accepted", "rejected"): ("submissions", "?state=rejected"),
    ("clips", "recordings to cut"): ("submissions", "?state=uncut"),
    ("rated", "to go"): ("clips", "?state=unrated"),
    ("settled", "undecided"): ("clips", "?state=undecided"),
}
SHOWN_CATEGORIES = 50


@require_safe
@login_required
def overview(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a dataset. The counts are the stored ones; the page asks for new ones when they are old."""
    desk = open_dataset(request, slug)
    summary = stored_summary(desk.dataset)
    show_all = "all" in request.GET
    categories = summary.categories if summary else []
    shown = categories if show_all else categories[:SHOWN_CATEGORIES]
    quality = summary.parts.get("quality", {}) if summary else {}
    estimates = {row["id"]: row for row in quality.get("categories", [])}
    filled = [
        {"template": panel.template, "part": part}
        for panel in dataset_panels
        if panel.roles & desk.roles and summary and (part := summary.parts.get(panel.part))
    ]
    context = {
        "summary": summary,
        "stages": _stage_lines(desk, summary),
        "stale": summary is None or timezone.now() > summary.stale_at,
        "categories": [{**row, "quality": estimates.get(row["id"])} for row in shown],
        "hidden_categories": len(categories) - len(shown),
        "quality": quality,
        "largest": max((row["clips"] for row in categories), default=0),
        "split": (split := split_view(desk.dataset)),
        "split_age": _split_age(split, summary),
        "panels": filled,
        "own": own_counts(request.user, desk.dataset) if Role.PARTICIPANT in desk.roles - RUNS_DATASET else None,
    }
    if desk.runs_dataset:
        imports = [(run, refused_name_for(run.file_name)) for run in recent_imports(desk.dataset)]
        context |= {"jobs": recent_jobs(desk.dataset), "imports": imports}
    return render_page(request, "dataset.html", context, desk=desk)


def _stage_lines(desk: Desk, summary: SummaryView | None) -> list[dict[str, Any]]:
    """Return the stages with addresses; whoever does not see all of the rows behind a number gets none for it."""
    reachable = {place.name: place.url for place in destinations(desk.dataset, desk.roles)}
    if not desk.runs_dataset:
        reachable.pop("submissions", None)
        reachable.pop("dataset", None)
    if not desk.lists_clips:
        reachable.pop("clips", None)

    def url(rows: tuple[str, str]) -> str:
        name, query = rows
        if name == "clips" and query and not desk.runs_dataset:  # lists clips by state to who runs the dataset alone
            return ""
        return reachable[name] + query if name in reachable else ""

    nowhere = ("", "")
    return [
        {
            "stage": stage,
            "url": url(STAGE_ROWS.get(stage.name, nowhere)),
            "notes": [(note, url(NOTE_ROWS.get((stage.name, note.name), nowhere))) for note in stage.notes],
        }
        for stage in (summary.stages if summary else [])
    ]


def _split_age(split: SplitView | None, summary: SummaryView | None) -> dict[str, int | bool] | None:
    """Compare the labels that a split divided with those that may be released now, by the stored counts."""
    if split is None or summary is None:
        return None
    absent = sum(row["absent"] for row in summary.categories)
    now = sum(row["clips"] for row in summary.categories) - absent
    return {"now": now, "absent": absent, "changed": now != split.total}


@require_POST
@login_required
def refresh(request: HttpRequest, slug: str) -> HttpResponse:
    """Have the counts made anew; answers the page's script in JSON and a form with the page."""
    desk = open_dataset(request, slug)
    user = request.user if isinstance(request.user, User) else None
    fresh = request_summary(dataset=desk.dataset, created_by=user)
    if request.headers.get("Accept") == "application/json":
        return JsonResponse({"fresh": fresh}, status=200 if fresh else 202)
    return redirect("dataset", slug=slug)
