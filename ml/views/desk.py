"""Who may look at label verification: curators and engineers. To others it does not exist."""

from __future__ import annotations

from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _

from curation.models import Role
from curation.selectors.access import OPERATOR
from curation.views.shell import Desk, open_dataset
from ml.models import VerificationRun
from ml.selectors.run_in_force import chosen_number, number_in_force
from ml.selectors.runs import runs_of


def open_verification(request: HttpRequest, slug: str) -> Desk:
    """Find the dataset for a curator or an engineer.

    Raises
    ------
    Http404
        If the person is neither.
    """
    desk = open_dataset(request, slug)
    if not desk.runs_dataset:
        message = "Label verification is for curators and engineers."
        raise Http404(message)
    return desk


def open_run(request: HttpRequest, slug: str, number: int) -> tuple[Desk, VerificationRun]:
    """Find a run of the dataset; its ``in_force`` is the number of the run that people review by, or None.

    Its ``chosen`` is the number of the one that a curator chose, or None.

    Raises
    ------
    Http404
        If there is none of this number, or the person may not see it.
    """
    desk = open_verification(request, slug)
    runs = runs_of(desk.dataset).annotate(in_force=number_in_force(), chosen=chosen_number())
    return desk, get_object_or_404(runs, number=number)


def is_curator(desk: Desk) -> bool:
    """Tell whether the person may accept labels."""
    return bool(desk.roles & {Role.CURATOR.value, OPERATOR})


def refusal(reason: str, detail: str) -> str:
    """Say in the reader's language why something was refused; what is seldom refused comes as the service says it."""
    known = {
        "too_few_verified": _(
            "Fewer than two categories have labels that people confirmed. Have some clips of each rated first."
        ),
        "nothing_to_judge": _("People have confirmed every label: there is nothing to judge."),
        "import_running": _("Clips are being imported: wait until that job is done, and start the run then."),
        "already_running": _("A run of this dataset goes on. Wait for it, or cancel it first."),
        "not_curator": _("Labels are accepted by curators of the dataset alone."),
        "not_in_force": _("People review by another run. Accept labels on its word, or choose this run first."),
        "not_finished": _("The run is not finished; its predictions may change."),
        "not_stopped": _("Only a run that failed or was cancelled can be resumed."),
    }
    return known.get(reason, detail)
