"""Reading a long list page by page. A cursor names the last row seen, so page one million costs what page one does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db.models import Model, QuerySet

PAGE_ROWS = 50

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, kw_only=True)
class CursorPage(Generic[Row]):
    """One page of rows; `next_cursor` is empty on the last one, `is_first` tells whether rows lie before it."""

    rows: list[Row]
    next_cursor: str
    is_first: bool


def read_cursor(cursor: str) -> int | None:
    """Return the key that a cursor names; anything else than a key starts at the beginning."""
    return int(cursor) if cursor.isascii() and cursor.isdigit() and len(cursor) <= 18 else None  # noqa: PLR2004 -- fits


def cursor_page(rows: QuerySet[Row], cursor: str, *, newest_first: bool = False) -> CursorPage[Row]:
    """Read one page by primary key.

    Parameters
    ----------
    rows : QuerySet
        What to list, with a whole number as primary key; its order is replaced.
    cursor : str
        `next_cursor` of the page before; anything else starts at the beginning.
    newest_first : bool
        Whether to go from the highest key down.
    """
    ordered: QuerySet[Row] = rows.order_by("-pk" if newest_first else "pk")
    after = read_cursor(cursor)
    if after is not None:
        bound: dict[str, Any] = {"pk__lt" if newest_first else "pk__gt": after}
        ordered = ordered.filter(**bound)
    found = list(ordered[: PAGE_ROWS + 1])
    return _page(found, is_first=after is None)


def indexed_page(rows: QuerySet[Row], claims: Sequence[QuerySet[Any]], field: str, cursor: str) -> CursorPage[Row]:
    """Read one page of what other rows point at, by the index of these: the rows between are never looked at.

    Parameters
    ----------
    rows : QuerySet
        What to list, not narrowed by the claims.
    claims : sequence of QuerySet
        The rows that point; for each, an index must have its conditions and then `field`.
    field : str
        The column with the primary key of what is listed.
    cursor : str
        `next_cursor` of the page before; anything else starts at the beginning.
    """
    after = read_cursor(cursor)
    found: set[int] = set()
    for claim in claims:
        ahead = claim if after is None else claim.filter(**{f"{field}__gt": after})
        found.update(ahead.order_by(field).values_list(field, flat=True).distinct()[: PAGE_ROWS + 1])
    keys = sorted(found)[: PAGE_ROWS + 1]
    return _page(list(rows.filter(pk__in=keys).order_by("pk")), is_first=after is None)


def _page(found: list[Row], *, is_first: bool) -> CursorPage[Row]:
    shown = found[:PAGE_ROWS]
    more = len(found) > PAGE_ROWS
    return CursorPage(rows=shown, next_cursor=str(shown[-1].pk) if more else "", is_first=is_first)
