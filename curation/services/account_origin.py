"""How an account came to be, and taking one back that a stranger made.

Where sign-up is open anybody can make an account under a colleague's address and wait for a role. Sign-up leaves an
address that nobody has confirmed (allauth's `EmailAddress`); accounts that the operator made have a confirmed one, or
none. An account of a stranger is never given a role as it is: it gets a new password, which only the operator sees.
"""

from __future__ import annotations

import secrets

from allauth.account.models import EmailAddress
from django.db import transaction

from curation.models import User
from curation.services.api_tokens import revoke_token

PASSWORD_BYTES = 12


def draw_password() -> str:
    """Return a new password, to be shown once."""
    return secrets.token_urlsafe(PASSWORD_BYTES)


def vouch_for(*, user: User) -> None:
    """Store that the operator says whose account this is.

    Parameters
    ----------
    user : User
        An account that the operator made or took back.
    """
    address, _ = EmailAddress.objects.get_or_create(user=user, email=user.email.lower(), defaults={"primary": True})
    address.set_verified()


def came_unasked(user: User) -> bool:
    """Tell whether an account was made by sign-up and nobody has confirmed its address; an operator's never was."""
    addresses = EmailAddress.objects.filter(user=user)
    return (
        not user.is_superuser and addresses.exists() and not addresses.filter(email=user.email, verified=True).exists()
    )


@transaction.atomic
def take_back(*, user: User) -> str:
    """Shut out whoever made an account, and vouch for it.

    Sessions and letters with a new password end with the password; tokens and further addresses, to which such a
    letter could be sent, are removed.

    Parameters
    ----------
    user : User
        An account that `came_unasked`.

    Returns
    -------
    str
        Its new password. It is shown once.
    """
    password = draw_password()
    user.set_password(password)
    user.save(update_fields=["password"])
    revoke_token(user=user)
    EmailAddress.objects.filter(user=user).delete()
    vouch_for(user=user)
    return password
