"""A curator's word on labels: accepted unheard, and that taken back."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from curation.models import User
from curation.selectors.words import in_words
from ml.forms import LabelsForm
from ml.models import VerificationRun
from ml.selectors.run_figures import acceptance_preview, why_nothing
from ml.services.acceptance import AcceptanceRefusedError, accept_labels, check_in_force, undo_acceptance
from ml.services.bulk_acceptance import accept_from, undo_all
from ml.views.desk import open_run, refusal


@require_http_methods(["GET", "POST"])
@login_required
def accept(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Accept one label, or all that keep a precision."""
    return _do(request, slug, number, _accepted)


@require_http_methods(["GET", "POST"])
@login_required
def undo(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Take one acceptance back, or all on the word of the run."""
    return _do(request, slug, number, _taken_back)


def _accepted(run: VerificationRun, form: LabelsForm, by: User) -> str:
    if form.cleaned_data["annotation"] is not None:
        stored = accept_labels(run=run, annotations=[form.cleaned_data["annotation"]], by=by).stored
    elif form.cleaned_data["precision"] is None:
        raise AcceptanceRefusedError("no_precision", _("Say at which precision labels are accepted."))
    else:
        check_in_force(run)
        preview = acceptance_preview(run, form.cleaned_data["precision"])
        if preview.threshold is None:
            raise AcceptanceRefusedError("nothing_reaches", in_words([why_nothing(run)]))
        report = accept_from(run=run, threshold=preview.threshold, by=by)
        if report.queued:
            return _("Many labels: they are accepted in the background.")
        stored = report.stored
    return ngettext("%(n)d label accepted.", "%(n)d labels accepted.", stored) % {"n": stored}


def _taken_back(run: VerificationRun, form: LabelsForm, by: User) -> str:
    if form.cleaned_data["annotation"] is not None:
        stored = undo_acceptance(run=run, annotations=[form.cleaned_data["annotation"]], by=by).stored
    else:
        report = undo_all(run=run, by=by)
        if report.queued:
            return _("Many labels: they are taken back in the background.")
        stored = report.stored
    return ngettext("%(n)d acceptance taken back.", "%(n)d acceptances taken back.", stored) % {"n": stored}


def _do(
    request: HttpRequest, slug: str, number: int, act: Callable[[VerificationRun, LabelsForm, User], str]
) -> HttpResponse:
    _desk, run = open_run(request, slug, number)
    page = reverse("verification-run", args=(slug, number))
    if request.method != "POST":  # whoever had to sign in again after sending the form
        return HttpResponseRedirect(page)
    form = LabelsForm(request.POST)
    try:
        if not form.is_valid():
            messages.error(
                request, " ".join(map(str, form.non_field_errors())) or _("That could not be read; nothing was stored.")
            )
        elif isinstance(request.user, User):
            messages.success(request, act(run, form, request.user))
    except AcceptanceRefusedError as error:
        messages.error(request, refusal(error.reason, error.detail))
    return _back(request, page)


def _back(request: HttpRequest, page: str) -> HttpResponse:
    """Return to the list that the word was given from, if it is one of the run's page."""
    asked = request.POST.get("next", "")
    safe = asked.startswith(page) and url_has_allowed_host_and_scheme(asked, allowed_hosts=None)
    return HttpResponseRedirect(asked if safe else page)
