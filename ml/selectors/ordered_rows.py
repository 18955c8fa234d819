"""Reading rows of predictions onwards from a place in their order, which an index has."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet


def after_place(
    rows: QuerySet[Any, Any], field: str, place: tuple[Any, ...] | None, *, most: int, falls: bool = True
) -> list[Any]:
    """Read the rows after a place.

    Many rows have the same value: all labels that nobody doubts have 1. Asked in one condition, databases would go
    through all the equals to find the place among them; so these are asked for first, and then the others.

    Parameters
    ----------
    rows : QuerySet
        Whatever its order.
    field : str
        The column that orders them; among equals the oldest comes first.
    place : tuple, optional
        Value and key of the last row read; without, from the beginning.
    most : int
        Rows to read.
    falls : bool
        Whether the highest value comes first.
    """
    rows = rows.order_by(f"-{field}" if falls else field, "pk")
    if place is None:
        return list(rows[:most])
    value, key = place
    found = list(rows.filter(**{field: value, "pk__gt": key})[:most])
    if len(found) < most:
        found += rows.filter(**{f"{field}__lt" if falls else f"{field}__gt": value})[: most - len(found)]
    return found
