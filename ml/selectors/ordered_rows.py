"""Reading rows of predictions onwards from a place in their order, which an index has."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet


def after_place(
    rows: QuerySet[Any, Any],
    field: str,
    place: tuple[Any, ...] | None,
    *,
    most: int,
    backwards: bool = False,
    least: float | None = None,
) -> list[Any]:
    """Read the rows after a place.

    Many rows have the same value: all labels that nobody doubts have 1. Asked in one condition, databases would go
    through all the equals to find the place among them; so these are asked for first, and then the others.

    Parameters
    ----------
    rows : QuerySet
        Whatever its order.
    field : str
        The column that orders them, the highest value first; among equals the oldest comes first.
    place : tuple, optional
        Value and key of the last row read; without, from the beginning.
    most : int
        Rows to read.
    backwards : bool
        Whether to read the whole order from its end, the lowest value and the newest first: the same index has it.
    least : float, optional
        Lowest value that is read. Not a condition of `rows`: among equals databases would prefer it to the equality,
        and sort.

    Returns
    -------
    list
        At most as many rows.
    """
    rows = rows.order_by(field, "-pk") if backwards else rows.order_by(f"-{field}", "pk")
    high_enough = rows if least is None else rows.filter(**{f"{field}__gte": least})
    if place is None:
        return list(high_enough[:most])
    value, key = place
    found: list[Any] = []
    if least is None or value >= least:
        found += rows.filter(**{field: value, "pk__lt" if backwards else "pk__gt": key})[:most]
    if len(found) < most:
        others = {f"{field}__gt" if backwards else f"{field}__lt": value}
        found += high_enough.filter(**others)[: most - len(found)]
    return found
