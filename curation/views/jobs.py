"""Background work of a dataset: the list, and the figures of the bar's pill."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from curation.models import JobState
from curation.selectors.lists import job_page
from curation.selectors.overview import active_jobs
from curation.views.shell import Desk, open_dataset, render_page


def _open_for_jobs(request: HttpRequest, slug: str) -> Desk:
    desk = open_dataset(request, slug)
    if not desk.runs_dataset:
        message = "Jobs are for curators and engineers."
        raise Http404(message)
    return desk


@require_safe
@login_required
def jobs(request: HttpRequest, slug: str) -> HttpResponse:
    """List the jobs of a dataset, newest first."""
    desk = _open_for_jobs(request, slug)
    state = request.GET.get("state", "")
    page = job_page(dataset=desk.dataset, cursor=request.GET.get("cursor", ""), state=state)
    context = {"page": page, "states": JobState.choices, "state": state}
    return render_page(request, "jobs.html", context, desk=desk)


@require_safe
@login_required
def running(request: HttpRequest, slug: str) -> HttpResponse:
    """Answer the pill."""
    figures = active_jobs(_open_for_jobs(request, slug).dataset)
    return JsonResponse({"count": figures.count, "percent": figures.percent})
