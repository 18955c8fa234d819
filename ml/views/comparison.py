"""Runs side by side."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from curation.views.judging import row_number
from curation.views.shell import render_page
from ml.selectors.run_comparison import compare_runs
from ml.selectors.run_figures import probability_histogram
from ml.selectors.runs import runs_of
from ml.views.desk import open_verification

MOST_RUNS = 4


@require_safe
@login_required
def compare(request: HttpRequest, slug: str) -> HttpResponse:
    """Compare up to four finished runs, those that the address names or else the newest two."""
    desk = open_verification(request, slug)
    numbers = [number for text in request.GET.getlist("run") if (number := row_number(text)) is not None]
    finished = runs_of(desk.dataset).filter(finished_at__isnull=False)
    asked = finished.filter(number__in=numbers[:MOST_RUNS]) if numbers else finished[:2]
    runs = sorted(asked, key=lambda run: run.number)
    return render_page(
        request,
        "verification/compare.html",
        {
            "runs": runs,
            "columns": compare_runs(runs),
            "histograms": [(run, probability_histogram(run)) for run in runs],
            "left_out": max(0, len(numbers) - MOST_RUNS),
        },
        desk=desk,
    )
