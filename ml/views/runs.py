"""The page of label verification: what was run, what each recipe would cost, and a new run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from curation.models import User
from curation.views.shell import Desk, render_page
from ml.forms import RECIPE_TEXTS, StartForm
from ml.models import RecipeName, VerificationRun
from ml.selectors.candidates import has_open_claims, imports_clips
from ml.selectors.estimates import CostEstimate, RecipeCost, TrunkCost, latest_estimate
from ml.selectors.listed_runs import listed_runs
from ml.selectors.run_figures import RunTotals
from ml.selectors.runs import RunView, run_views
from ml.services.estimates import request_estimate
from ml.services.runs import RunRefusedError, start_run
from ml.services.trunk_files import Hearing, ListedTrunk, listed_trunks
from ml.views.desk import open_verification, refusal

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

SHOWN_RUNS = 50


@dataclass(frozen=True, kw_only=True)
class RecipeChoice:
    """A recipe as the page offers it."""

    value: str
    label: StrOrPromise
    text: StrOrPromise
    cost: RecipeCost | None


@dataclass(frozen=True, kw_only=True)
class TrunkChoice:
    """A pretrained trunk as the page offers it; `fault` says why it cannot be taken."""

    name: str
    hearing: Hearing | None
    fault: str
    cost: TrunkCost | None


@dataclass(frozen=True, kw_only=True)
class RunLine:
    """A run in the list."""

    view: RunView
    totals: RunTotals | None


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def verification(request: HttpRequest, slug: str) -> HttpResponse:
    """List the runs of a dataset and start a new one."""
    desk = open_verification(request, slug)
    if request.method != "POST":
        return _page(request, desk, StartForm(listed=listed_trunks()))
    form = StartForm(request.POST, listed=listed_trunks())
    if not form.is_valid() or not isinstance(request.user, User):
        return _page(request, desk, form)
    try:
        run = start_run(dataset=desk.dataset, created_by=request.user, **form.cleaned_data)
    except RunRefusedError as error:
        form.add_error(None, refusal(error.reason, error.detail))
        return _page(request, desk, form)
    return redirect("verification-run", slug=slug, number=run.number)


@require_http_methods(["GET", "POST"])
@login_required
def estimate(request: HttpRequest, slug: str) -> HttpResponse:
    """Have a worker estimate costs; answers the page's script in JSON and a form with the page."""
    desk = open_verification(request, slug)
    if request.method == "POST" and isinstance(request.user, User):
        request_estimate(dataset=desk.dataset, by=request.user)
    if request.headers.get("Accept") == "application/json":
        return JsonResponse({"queued": True}, status=202)
    return redirect("verification", slug=slug)


def _page(request: HttpRequest, desk: Desk, form: StartForm) -> HttpResponse:
    costs = latest_estimate(desk.dataset)
    views = run_views(list(listed_runs(desk.dataset)[:SHOWN_RUNS]))
    labels, has_labels = dict(RecipeName.choices), has_open_claims(desk.dataset)
    return render_page(
        request,
        "verification/runs.html",
        {
            "form": form,
            "runs": [RunLine(view=view, totals=_totals(view.run)) for view in views],
            "comparable": sum(view.run.finished_at is not None for view in views) > 1,
            "goes_on": any(view.is_active for view in views),
            "costs": costs,
            "recipes": [
                RecipeChoice(value=name, label=labels[name], text=text, cost=costs.recipes.get(name) if costs else None)
                for name, text in RECIPE_TEXTS.items()
            ],
            "trunks": [_trunk_choice(trunk, costs) for trunk in listed_trunks()],
            "has_labels": has_labels,
            "imports_clips": not has_labels and imports_clips(desk.dataset),
        },
        desk=desk,
        status=422 if form.errors else 200,
    )


def _trunk_choice(trunk: ListedTrunk, costs: CostEstimate | None) -> TrunkChoice:
    cost = costs.trunks.get(trunk.name) if costs else None
    fault = trunk.fault or (cost.refused if cost else "")
    return TrunkChoice(name=trunk.name, hearing=trunk.hearing, fault=fault, cost=cost)


def _totals(run: VerificationRun) -> RunTotals | None:
    totals: dict[str, int] | None = getattr(run, "totals", None)
    return RunTotals(**totals) if totals else None
