"""How accounts come to be: by invitation, unless the operator opens sign-up."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext_noop

gettext_noop("Remember Me")  # allauth's Korean for it says "save my ID"; our catalogue comes before its own


class AccountAdapter(DefaultAccountAdapter):
    """allauth's account flow with sign-up closed by default."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002 -- the signature is allauth's
        """Say whether strangers may sign up (``EARMARK_OPEN_SIGNUP``)."""
        return bool(settings.ACCOUNT_OPEN_SIGNUP)
