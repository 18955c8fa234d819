"""The page of one run: how it goes, what it found, and what a curator makes of that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from curation.models import User
from curation.selectors.words import in_words
from curation.views.judging import row_number
from curation.views.player import Player, clip_player
from curation.views.shell import render_page
from ml.forms import LEAST_PRECISION, PRECISION_STEP
from ml.models import Prediction, VerificationRun
from ml.selectors import run_figures
from ml.selectors.acceptances import MOST_COUNTED, accepted_up_to, bulk_jobs
from ml.selectors.confusions import run_confusion
from ml.selectors.review_lists import ReviewList, review_page
from ml.selectors.runs import STEP, RunState, run_view
from ml.services.run_choice import choose_run, undo_choice
from ml.services.runs import RunRefusedError, cancel_run, resume_run
from ml.views.desk import is_curator, open_run, refusal

SOUNDS_LIKE = 3


@dataclass(frozen=True, kw_only=True)
class LabelRow:
    """One label in a list: what is claimed, what the models hear, and the sound.

    Attributes
    ----------
    prediction : Prediction
        With clip, categories and ``accepted``.
    heard : list of tuple of str and float
        The most probable categories by sound alone, with their probabilities.
    player : Player
        Its sound.
    """

    prediction: Prediction
    heard: list[tuple[str, float]]
    player: Player


@require_safe
@login_required
def run_page(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Show a run."""
    desk, run = open_run(request, slug, number)
    view = run_view(run)
    context: dict[str, Any] = {
        "view": view,
        "run": run,
        "iterations": run_figures.iteration_table(run),
        "totals": run_figures.run_totals(run),
        "may_accept": is_curator(desk),
        "may_resume": view.state in {RunState.FAILED, RunState.CANCELLED},
        "trains": view.phase == STEP,
        "in_force": getattr(run, "in_force", None),
        "is_chosen": getattr(run, "chosen", None) == run.number,
    }
    if run.finished_at is not None:
        context |= _findings(request, run)
    return render_page(request, "verification/run.html", context, desk=desk)


@require_http_methods(["GET", "POST"])
@login_required
def cancel(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Stop a run."""
    return _do(
        request, slug, number, lambda run, by: cancel_run(run=run, by=by), _("The run stops. It can be resumed.")
    )


@require_http_methods(["GET", "POST"])
@login_required
def resume(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Let a run go on."""
    return _do(request, slug, number, lambda run, by: resume_run(run=run, by=by), _("The run goes on."))


@require_http_methods(["GET", "POST"])
@login_required
def choose(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Let people review by a run."""
    said = _("People review in the order of this run now, whichever runs are done later.")
    return _do(request, slug, number, lambda run, by: choose_run(run=run, by=by), said)


@require_http_methods(["GET", "POST"])
@login_required
def unchoose(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Let the newest finished run decide again."""
    said = _("The newest finished run decides the order of the review again.")
    return _do(request, slug, number, lambda run, by: undo_choice(run=run, by=by), said)


def _do(
    request: HttpRequest, slug: str, number: int, act: Callable[[VerificationRun, User], object], said: str
) -> HttpResponse:
    """Act and return to the page; whoever comes here by signing in again, after the form was sent, just goes there."""
    _desk, run = open_run(request, slug, number)
    try:
        if request.method == "POST" and isinstance(request.user, User) and act(run, request.user):
            messages.success(request, said)
    except RunRefusedError as error:
        messages.error(request, refusal(error.reason, error.detail))
    return redirect("verification-run", slug=slug, number=number)


def _findings(request: HttpRequest, run: VerificationRun) -> dict[str, Any]:
    precision = chosen_precision(request.GET.get("precision", ""), run)
    preview = run_figures.acceptance_preview(run, precision)
    classes = run_figures.class_table(run)
    which = request.GET.get("list", "")
    which = which if which in ReviewList.values else ReviewList.SUSPICIOUS.value
    category = row_number(request.GET.get("category", ""))
    page = review_page(run, which, threshold=preview.threshold, category=category, cursor=request.GET.get("cursor", ""))
    names = {row.category: row.name for row in classes}
    return {
        "precision": precision,
        "least_precision": min(LEAST_PRECISION, run.precision, precision),
        "precision_step": PRECISION_STEP,
        "preview": preview,
        "curve": run.summary.get("assured", []),
        "why_nothing": in_words([run_figures.why_nothing(run)]),
        "histogram": run_figures.probability_histogram(run),
        "reliability": run_figures.reliability(run),
        "confusion": run_confusion(run),
        "classes": run_figures.linked(classes, lambda pk: _address(request, category=pk)),
        "accepted": accepted_up_to(run),
        "most_counted": MOST_COUNTED,
        "bulk": bulk_jobs(run).last(),
        "lists": ReviewList.choices,
        "which": which,
        "category": category,
        "categories": [(row.category, row.name) for row in classes],
        "page": page,
        "rows": [_label_row(row, names) for row in page.rows],
    }


def _address(request: HttpRequest, *, category: int) -> str:
    """Return the address of the list of one category, all else as it is chosen now."""
    query = request.GET.copy()
    query["category"] = str(category)
    query.pop("cursor", None)
    return f"?{query.urlencode()}#labels"


def chosen_precision(text: str, run: VerificationRun) -> float:
    """Return the precision that an address asks for, or the run's own where it asks for none that is possible."""
    try:
        precision = float(text)
    except ValueError:
        return run.precision
    return precision if 0 <= precision <= 1 else run.precision


def _label_row(prediction: Prediction, names: dict[int, str]) -> LabelRow:
    heard = [(names.get(int(category), "?"), p) for category, p in prediction.top[:SOUNDS_LIKE]]
    return LabelRow(prediction=prediction, heard=heard, player=clip_player(prediction.annotation.clip))
