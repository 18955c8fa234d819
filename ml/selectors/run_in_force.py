"""Which run people review by: its predictions order what is rated, fill the export, and are what curators accept on.

The run that a curator chose, until that is taken back; else the newest one whose predictions are complete. A newer run
is not always a better one: with a small budget its networks have learned less.
"""

from __future__ import annotations

from django.db.models import Case, F, IntegerField, OuterRef, Subquery, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from curation.models import Dataset
from ml.models import ChoiceEvent, ChoiceKind, VerificationRun
from ml.selectors.runs import runs_of


def run_in_force(dataset: Dataset) -> VerificationRun | None:
    """Return the run in force, or None before one is finished.

    Parameters
    ----------
    dataset : Dataset
        Whose runs.

    Returns
    -------
    VerificationRun or None
        Without its figures, which may be large: they are read when they are asked for. With ``chosen``, the number of
        the run that a curator chose, or None.
    """
    runs = runs_of(dataset).defer("summary").annotate(chosen=chosen_number())
    return runs.filter(number=number_in_force()).first()


def number_in_force() -> Combinable:
    """Return the number of the run in force, for queries of runs: null before one is finished."""
    finished = VerificationRun.objects.filter(dataset=OuterRef("dataset"), finished_at__isnull=False)
    newest = Subquery(finished.order_by("-number").values("number")[:1])
    return Coalesce(chosen_number(), newest, output_field=IntegerField())


def chosen_number() -> Combinable:
    """Return the number of the run that a curator chose, for queries of runs: null if none is."""
    events = ChoiceEvent.objects.filter(run__dataset=OuterRef("dataset")).order_by("-pk")
    number = Case(When(kind=ChoiceKind.CHOOSE, then=F("run__number")), output_field=IntegerField())
    return Subquery(events.annotate(number=number).values("number")[:1])
