"""A curator's word: labels that are accepted unheard, and that word taken back.

Nothing else accepts a label: a run only says what could be. Each word is an event with its author, and whether a label
is accepted is said by its last event, so that nothing is lost when it is taken back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from django.db import transaction

from curation.models import AnnotationState, Dataset, Participant, Role, User
from curation.selectors.access import OPERATOR, roles_in
from curation.services.participants import participant_for_user
from ml.models import AcceptanceEvent, AcceptanceKind, Prediction, VerificationRun
from ml.selectors.acceptances import acceptances_in_force
from ml.selectors.run_in_force import run_in_force
from ml.services.label_standing import refresh_standing
from ml.services.review_order import refresh_reviews

BLOCK_ROWS = 500


class AcceptanceRefusedError(ValueError):
    """Acceptances that cannot be stored; `reason` is a code, `detail` says what to do."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, kw_only=True)
class AcceptanceReport:
    """What became of a word on some labels.

    Attributes
    ----------
    stored : int
        Labels for which an event was stored.
    passed_over : int
        Labels that stood so already, or that people have settled meanwhile.
    """

    stored: int
    passed_over: int


def accept_labels(*, run: VerificationRun, annotations: Collection[int], by: User) -> AcceptanceReport:
    """Accept labels unheard.

    Parameters
    ----------
    run : VerificationRun
        The finished run on whose word they are accepted.
    annotations : collection of int
        Primary keys of candidate annotations that it judged.
    by : User
        A curator of the dataset.

    Returns
    -------
    AcceptanceReport
        Labels that are accepted already, or that people have settled, are passed over.

    Raises
    ------
    AcceptanceRefusedError
        `not_curator`, `not_finished`, `not_in_force`, or `not_judged` if the run says nothing of one of them; none is
        accepted then.
    """
    wanted = sorted(set(annotations))
    with transaction.atomic():
        person = _curator(run.dataset, by)
        check_in_force(run)
        stored = 0
        for block in _blocks(wanted):
            judged = Prediction.objects.filter(run=run, annotation__in=block)
            if judged.count() != len(block):
                raise AcceptanceRefusedError("not_judged", f"Run {run.number} has not judged all of these labels.")
            settled = judged.filter(annotation__state=AnnotationState.SETTLED).values_list("annotation_id", flat=True)
            standing = acceptances_in_force().filter(annotation__in=block).values_list("annotation_id", flat=True)
            new = sorted(set(block) - set(settled) - set(standing))
            _store(run, new, AcceptanceKind.ACCEPT, person)
            stored += len(new)
    return AcceptanceReport(stored=stored, passed_over=len(wanted) - stored)


def undo_acceptance(*, run: VerificationRun, annotations: Collection[int], by: User) -> AcceptanceReport:
    """Take acceptances of a run back.

    Parameters
    ----------
    run : VerificationRun
        The run on whose word they were accepted.
    annotations : collection of int
        Primary keys of candidate annotations.
    by : User
        A curator of the dataset.

    Returns
    -------
    AcceptanceReport
        Labels that are not accepted on the word of this run are passed over.

    Raises
    ------
    AcceptanceRefusedError
        `not_curator`.
    """
    wanted = sorted(set(annotations))
    with transaction.atomic():
        person = _curator(run.dataset, by)
        stored = 0
        for block in _blocks(wanted):
            standing = acceptances_in_force().filter(run=run, annotation__in=block)
            known = sorted(standing.values_list("annotation_id", flat=True))
            _store(run, known, AcceptanceKind.UNDO, person)
            stored += len(known)
    return AcceptanceReport(stored=stored, passed_over=len(wanted) - stored)


def check_curator(dataset: Dataset, user: User) -> None:
    """Refuse an account that is no curator of the dataset.

    Raises
    ------
    AcceptanceRefusedError
        `not_curator`.
    """
    if not {str(Role.CURATOR), OPERATOR} & roles_in(user, dataset):
        raise AcceptanceRefusedError("not_curator", f"Labels of {dataset.slug} are accepted by its curators alone.")


def check_in_force(run: VerificationRun) -> None:
    """Refuse to accept labels on the word of a run that is not in force: the one that is may contradict it.

    Raises
    ------
    AcceptanceRefusedError
        `not_finished` or `not_in_force`.
    """
    if run.finished_at is None:
        raise AcceptanceRefusedError("not_finished", f"Run {run.number} is not finished; its predictions may change.")
    other = run_in_force(run.dataset)
    if other is not None and other.pk != run.pk:
        detail = f"People review by run {other.number}. Accept labels on its word, or choose run {run.number} first."
        raise AcceptanceRefusedError("not_in_force", detail)


def _curator(dataset: Dataset, user: User) -> Participant:
    """Return who the curator is in the dataset, whose row is locked: of two words on a label, the later sees the other.

    Raises
    ------
    AcceptanceRefusedError
        If the account is no curator there.
    """
    check_curator(dataset, user)
    Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)
    return participant_for_user(dataset=dataset, user=user)


def _store(run: VerificationRun, annotations: list[int], kind: AcceptanceKind, person: Participant) -> None:
    AcceptanceEvent.objects.bulk_create(
        AcceptanceEvent(run=run, annotation_id=pk, kind=kind, by=person) for pk in annotations
    )
    refresh_standing(annotation_ids=annotations)
    refresh_reviews(dataset=run.dataset, annotation_ids=annotations)


def _blocks(keys: list[int]) -> Iterator[list[int]]:
    return (keys[start : start + BLOCK_ROWS] for start in range(0, len(keys), BLOCK_ROWS))
