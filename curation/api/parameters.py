"""Parameters in an address: one that a list does not take would be ignored, and everything come back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.views import APIView


def refuse_unknown(request: Request, known: Iterable[str] = ()) -> None:
    """Let a request pass whose parameters are all known, or choose the format of the answer.

    Parameters
    ----------
    request : Request
        What was asked.
    known : iterable of str
        The parameters that the view takes.

    Raises
    ------
    ValidationError
        Naming each unknown parameter and the known ones.
    """
    names = sorted({*known, *filter(None, [api_settings.URL_FORMAT_OVERRIDE])})
    unknown = [name for name in request.query_params if name not in names]
    if unknown:
        message = f"This list has no such parameter. Known: {', '.join(names)}."
        raise ValidationError({name: [message] for name in unknown})


class KnownParametersBackend(DjangoFilterBackend):
    """Narrow lists by their filters, and refuse what is neither a filter nor a parameter of the pages."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: APIView) -> QuerySet[Any]:
        """Look at the names before the values."""
        if getattr(view, "action", None) == "list":
            filterset = self.get_filterset_class(view, queryset)
            pages = getattr(view, "paginator", None)
            paging = (getattr(pages, name, None) for name in ("cursor_query_param", "page_size_query_param"))
            refuse_unknown(request, [*(filterset.base_filters if filterset else ()), *filter(None, paging)])
        filtered: QuerySet[Any] = super().filter_queryset(request, queryset, view)
        return filtered
