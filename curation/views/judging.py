"""What voting and rating pages have in common: who may judge, what a person put aside, and one item at a time.

Skipping is no judgement and leaves no row: skipped items are kept in the session and come again when the person
asks for them, or in the next session.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from curation.models import Participant, User
from curation.selectors.access import may_judge, participant_of
from curation.services.participants import participant_for_user
from curation.views.shell import Desk, open_dataset

MOST_SKIPPED = 500  # the oldest come back first
MOST_PK = 2**63 - 1
_MOST_DIGITS = 18
MOST_COUNTED = 1_000  # of what waits; beyond that, more


def open_judging(request: HttpRequest, slug: str) -> tuple[Desk, Participant]:
    """Find the dataset and who the person is in it.

    Raises
    ------
    Http404
        If the person has no role in the dataset.
    PermissionDenied
        If the person has a role, but not the annotator's.
    """
    desk = open_dataset(request, slug)
    if not may_judge(desk.roles) or not isinstance(request.user, User):
        raise PermissionDenied(_("Voting and rating are for annotators. Ask a curator of this dataset for the role."))
    # Looked up first: drawing a code takes the database's write lock.
    participant = participant_of(request.user, desk.dataset)
    return desk, participant or participant_for_user(dataset=desk.dataset, user=request.user)


def in_place(request: HttpRequest) -> bool:
    """Tell whether the page's own script sent the form and takes the next turn from the answer itself.

    A browser that sends the form must be redirected, or a reload would send it again; the script saves that
    second round trip.
    """
    return request.headers.get("X-Earmark-Turn") == "1"


def row_number(text: str) -> int | None:
    """Return a primary key that a form or an address carries, or None if it is none."""
    return int(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else None


class Skipped:
    """The items of one kind that a person put aside in one dataset, for this session."""

    def __init__(self, request: HttpRequest, kind: str, dataset_pk: int) -> None:
        self._session = request.session
        self._key = f"skipped-{kind}-{dataset_pk}"

    @property
    def keys(self) -> Sequence[int]:
        """Primary keys, the oldest first."""
        stored = self._session.get(self._key, [])
        return list(stored)

    def count_in(self, waiting: QuerySet[Any]) -> int:
        """Return how many still wait for the person among what is shown: some may be judged since, or elsewhere."""
        keys = self.keys
        return waiting.filter(pk__in=keys).count() if keys else 0

    def add(self, pk: int) -> None:
        """Put an item aside."""
        kept = [key for key in self.keys if key != pk]
        self._session[self._key] = [*kept, pk][-MOST_SKIPPED:]

    def clear(self) -> None:
        """Bring everything back."""
        self._session.pop(self._key, None)


def waiting_text(waiting: QuerySet[Any], *, is_all: bool = True) -> str:
    """Say how many items wait for the person, looking at no more than `MOST_COUNTED` of them.

    Parameters
    ----------
    waiting : QuerySet
        The items.
    is_all : bool
        False if further ones may wait besides.

    Returns
    -------
    str
        Empty where nothing can be said: none of these waits, and others may.
    """
    count = waiting.values("pk")[: MOST_COUNTED + 1].count()
    if count > MOST_COUNTED:
        return _("more than 1,000 waiting")
    if is_all:
        return ngettext("%(n)d waiting", "%(n)d waiting", count) % {"n": count}
    return _("at least %(n)d waiting") % {"n": count} if count else ""
