"""A curator's word on the run that people review by, and that word taken back."""

from __future__ import annotations

from django.db import transaction

from curation.models import Dataset, Role, User
from curation.selectors.access import OPERATOR, roles_in
from curation.services.participants import participant_for_user
from ml.models import ChoiceEvent, ChoiceKind, VerificationRun
from ml.selectors.run_in_force import run_in_force
from ml.services.review_order import request_order
from ml.services.runs import RunRefusedError


def choose_run(*, run: VerificationRun, by: User) -> bool:
    """Let people review by a run, whichever runs are finished later.

    Parameters
    ----------
    run : VerificationRun
        A finished run.
    by : User
        A curator of the dataset.

    Returns
    -------
    bool
        Whether that is new. If not, the order is asked for once more: the job that was to see to it may have failed.

    Raises
    ------
    RunRefusedError
        `not_allowed` or `not_finished`.
    """
    _check_curator(run.dataset, by)
    if run.finished_at is None:
        raise RunRefusedError("not_finished", f"Run {run.number} is not finished; its predictions may change.")
    with transaction.atomic():
        if _chosen(run.dataset) == run.number:
            request_order(dataset=run.dataset)
            return False
        _store(run, ChoiceKind.CHOOSE, by)
    return True


def undo_choice(*, run: VerificationRun, by: User) -> bool:
    """Let the newest finished run decide again.

    Parameters
    ----------
    run : VerificationRun
        The run that was chosen.
    by : User
        A curator of the dataset.

    Returns
    -------
    bool
        Whether this run was the chosen one. If not, the order is asked for once more, as by `choose_run`.

    Raises
    ------
    RunRefusedError
        `not_allowed`.
    """
    _check_curator(run.dataset, by)
    with transaction.atomic():
        if _chosen(run.dataset) != run.number:
            request_order(dataset=run.dataset)
            return False
        _store(run, ChoiceKind.UNDO, by)
    return True


def _chosen(dataset: Dataset) -> int | None:
    """Return the number of the chosen run; the dataset is locked, so that of two words the later sees the other."""
    Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)
    chosen: int | None = getattr(run_in_force(dataset), "chosen", None)
    return chosen


def _store(run: VerificationRun, kind: ChoiceKind, by: User) -> None:
    ChoiceEvent.objects.create(run=run, kind=kind, by=participant_for_user(dataset=run.dataset, user=by))
    request_order(dataset=run.dataset)


def _check_curator(dataset: Dataset, user: User) -> None:
    if not {str(Role.CURATOR), OPERATOR} & roles_in(user, dataset):
        detail = f"By which run people review {dataset.slug} is said by its curators alone."
        raise RunRefusedError("not_allowed", detail)
