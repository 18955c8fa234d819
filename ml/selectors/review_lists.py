"""What curators look through after a run: the most suspicious labels, those near the bar, and those accepted.

Each list has an order that an index of predictions holds, without the rows that do not belong to it, and its cursor
names the last row seen: page one thousand costs what page one does, and a page after many acceptances what it costs
before them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from django.db.models import QuerySet, TextChoices
from django.utils.translation import gettext_lazy as _

from curation.selectors.pages import read_cursor
from ml.models import Prediction, VerificationRun
from ml.selectors.ordered_rows import after_place
from ml.selectors.predictions import acceptable, with_acceptance

PAGE_LABELS = 20


class ReviewList(TextChoices):
    """Which labels of a run."""

    SUSPICIOUS = "suspicious", _("Most suspicious")  # what people should hear first, those settled since left out
    BORDER = "border", _("Just good enough")  # what would be accepted, the least sure first
    ACCEPTED = "accepted", _("Accepted")  # on the word of this run, the newest first


@dataclass(frozen=True, kw_only=True)
class ReviewPage:
    """One page of predictions; `next_cursor` is empty on the last one, `is_first` tells whether rows lie before it."""

    rows: list[Prediction]
    next_cursor: str
    is_first: bool


def review_page(
    run: VerificationRun, which: str, *, threshold: float | None = None, category: int | None = None, cursor: str = ""
) -> ReviewPage:
    """Return one page of a list, in at most three queries.

    Parameters
    ----------
    run : VerificationRun
        A finished run.
    which : str
        A value of `ReviewList`; anything else is the most suspicious.
    threshold : float, optional
        Of the list of labels just good enough: the least probability that is accepted; without, that list is empty.
    category : int, optional
        Primary key of the claimed category.
    cursor : str
        `next_cursor` of the page before; anything else starts at the beginning.

    Returns
    -------
    ReviewPage
        Predictions with clip and categories, and with ``accepted``.
    """
    if which == ReviewList.ACCEPTED:
        return _accepted(run, category, cursor)
    if which == ReviewList.BORDER:
        field, backwards, least = "p_correct", True, threshold
        rows = Prediction.objects.none() if threshold is None else acceptable(run)
    else:
        field, backwards, least = "priority", False, None
        rows = Prediction.objects.filter(run=run, is_open=True)
    if category is not None:
        rows = rows.filter(category=category)
    after = _read(cursor)
    found = after_place(_shown(rows), field, after, most=PAGE_LABELS + 1, backwards=backwards, least=least)
    shown = found[:PAGE_LABELS]
    more = len(found) > PAGE_LABELS
    return ReviewPage(
        rows=shown,
        next_cursor=f"{getattr(shown[-1], field)!r}:{shown[-1].pk}" if more else "",
        is_first=after is None,
    )


def _accepted(run: VerificationRun, category: int | None, cursor: str) -> ReviewPage:
    rows = Prediction.objects.filter(run=run, acceptance__isnull=False).order_by("-acceptance_id")
    after = read_cursor(cursor)
    if after is not None:
        rows = rows.filter(acceptance__lt=after)
    if category is not None:
        rows = rows.filter(category=category)
    found = list(_shown(rows)[: PAGE_LABELS + 1])
    shown = found[:PAGE_LABELS]
    return ReviewPage(
        rows=shown,
        next_cursor=str(shown[-1].acceptance_id) if len(found) > PAGE_LABELS else "",
        is_first=after is None,
    )


def _shown(rows: QuerySet[Prediction]) -> QuerySet[Prediction]:
    return with_acceptance(rows).select_related("annotation__clip", "category", "predicted")


def _read(cursor: str) -> tuple[float, int] | None:
    value, _, pk = cursor.partition(":")
    key = read_cursor(pk)
    try:
        number = float(value)
    except ValueError:
        return None
    return (number, key) if key is not None and math.isfinite(number) else None
