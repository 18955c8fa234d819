"""Answers of the API to what cannot be done."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework.exceptions import NotFound
from rest_framework.response import Response
from rest_framework.views import exception_handler


def answer_to(error: Exception, context: dict[str, Any]) -> Response | None:
    """Answer an error as REST framework does, in words for people where Django names its classes.

    Parameters
    ----------
    error : Exception
        What a view raised.
    context : dict
        REST framework's.

    Returns
    -------
    Response or None
        None for what is no answer but a fault.
    """
    if isinstance(error, Http404):
        error = NotFound(_("There is nothing of this number or name, or your roles do not open it."))
    return exception_handler(error, context)
