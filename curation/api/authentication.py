"""Signing in to the API by a token."""

from __future__ import annotations

from typing import Any

from rest_framework.authentication import TokenAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request


class TokenWordAuthentication(TokenAuthentication):
    """Takes ``Authorization: Token …`` and says so to those who write ``Bearer``, as other servers want it."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        """Refuse the other word instead of passing over it as if nobody had signed in.

        Raises
        ------
        AuthenticationFailed
            Naming the word.
        """
        if get_authorization_header(request).split(b" ")[0].lower() == b"bearer":
            message = "Write Token instead of Bearer: `Authorization: Token 0123…`. The page /token/ makes one."
            raise AuthenticationFailed(message)
        return super().authenticate(request)
