"""Tokens with which scripts use the API in a person's name."""

from __future__ import annotations

from django.db import transaction
from rest_framework.authtoken.models import Token

from curation.models import User


@transaction.atomic
def issue_token(*, user: User) -> str:
    """Draw a new token for an account; an older one stops working.

    Parameters
    ----------
    user : User
        Whose token.

    Returns
    -------
    str
        The token. It is shown once.
    """
    User.objects.select_for_update(no_key=True).get(pk=user.pk)  # a form sent twice at once would fail once
    Token.objects.filter(user=user).delete()
    return str(Token.objects.create(user=user).key)


def revoke_token(*, user: User) -> bool:
    """Make the account's token useless.

    Returns
    -------
    bool
        Whether there was one.
    """
    return bool(Token.objects.filter(user=user).delete()[0])
