"""The way into the API: what there is, and that there is nothing elsewhere below its address."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import Resolver404, get_resolver, resolve
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

ADDRESSES = "curation.api.urls"


class IndexView(APIView):
    """What the API offers."""

    @extend_schema(responses={200: {"type": "object", "additionalProperties": {"type": "string", "format": "uri"}}})
    def get(self, request: Request) -> Response:
        """Return the address of each list, those of the floors above included, and of the description."""
        names = [name for name in get_resolver(ADDRESSES).reverse_dict if isinstance(name, str)]
        lists = sorted(reverse(name, request=request) for name in names if name.endswith("-list"))
        return Response(
            {address.split("/")[-2]: address for address in lists} | {"schema": reverse("api-schema", request=request)}
        )


class UnknownView(APIView):
    """Every address below ``/api/`` at which there is nothing: programs read JSON, no page."""

    schema = None
    permission_classes = ()
    http_method_names = ()  # so that none is allowed

    def http_method_not_allowed(self, request: HttpRequest, *args: object, **kwargs: object) -> Response:  # noqa: ARG002 -- REST framework's signature
        """Refuse whatever the method.

        Raises
        ------
        NotFound
            With where the lists are.
        """
        message = f"There is nothing at {request.path}. GET /api/ lists what there is; every address ends in a slash."
        raise NotFound(message)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Lead readers on who forgot the slash, as for pages; what is written must not become reading."""
        if request.method in SAFE_METHODS and not request.path.endswith("/") and _is_known(f"{request.path}/"):
            return HttpResponseRedirect(request.get_full_path(force_append_slash=True))
        return super().dispatch(request, *args, **kwargs)


def _is_known(path: str) -> bool:
    try:
        return getattr(resolve(path).func, "view_class", None) is not UnknownView
    except Resolver404:
        return False
