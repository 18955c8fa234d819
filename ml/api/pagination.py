"""Pages of predictions in the order in which people should hear them.

Many predictions have the same priority: all that people verified have 0. REST framework's cursor names a row by one
value and counts its equals, which ends in a circle where there are more than a thousand of them. Here a cursor names
priority and key, and an index leads to the row after it however many are equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

from django.db.models import QuerySet
from rest_framework.exceptions import NotFound
from rest_framework.pagination import Cursor
from rest_framework.request import Request
from rest_framework.views import APIView

from curation.api.pagination import RowCursorPagination
from ml.models import Prediction
from ml.selectors.ordered_rows import after_place

Place = tuple[float, int]  # priority and key of a row
LARGEST_KEY = 2**63 - 1


class NewestRunPagination(RowCursorPagination):
    """100 runs a page, the newest first."""

    ordering = "-number"


class PriorityPagination(RowCursorPagination):
    """100 predictions a page, the highest priority first; among equals the oldest."""

    ordering = ("-priority", "pk")

    def paginate_queryset(
        self,
        queryset: QuerySet[Any] | Sequence[Any],
        request: Request,
        view: APIView | None = None,  # noqa: ARG002 -- REST framework's signature
    ) -> list[Any]:
        """Read one page.

        Raises
        ------
        NotFound
            If the cursor was not made here.
        """
        assert isinstance(queryset, QuerySet)  # noqa: S101 -- views give nothing else
        size = self.get_page_size(request) or self.page_size
        self.base_url = request.build_absolute_uri()
        cursor = self.decode_cursor(request)
        place = None if cursor is None else self._place(cursor)
        backwards = cursor is not None and cursor.reverse
        found = after_place(queryset, "priority", place, most=size + 1, backwards=backwards)
        page, more = found[:size], len(found) > size
        self._rows: list[Any] = page[::-1] if backwards else page
        before, after = (more, place is not None) if backwards else (place is not None, more)
        self.has_previous, self.has_next = before and bool(page), after and bool(page)
        return self._rows

    def get_next_link(self) -> str | None:
        """Return the address of the rows after this page."""
        return self._link(self._rows[-1], backwards=False) if self.has_next else None

    def get_previous_link(self) -> str | None:
        """Return the address of the rows before this page."""
        return self._link(self._rows[0], backwards=True) if self.has_previous else None

    def _link(self, row: Prediction, *, backwards: bool) -> str:
        place: Any = f"{row.priority!r} {row.pk}"  # the stubs know whole numbers alone
        return self.encode_cursor(Cursor(offset=0, reverse=backwards, position=place))

    def _place(self, cursor: Any) -> Place:
        try:
            priority, key = str(cursor.position).split(" ")
            place = float(priority), int(key)
        except ValueError as error:
            raise NotFound(self.invalid_cursor_message) from error
        if not isfinite(place[0]) or abs(place[1]) > LARGEST_KEY:
            raise NotFound(self.invalid_cursor_message)
        return place
