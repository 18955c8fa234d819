"""One account per role, with a password drawn at random.

The passwords lie in the data folder, readable by its owner alone, so that the next start can show them
again. Only the demonstration makes these accounts, under a domain that can never receive mail.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from django.db import transaction

from curation.models import Dataset, Membership, Participant, Role, User
from curation.services.account_origin import vouch_for

DOMAIN = "earmark.example"  # reserved by RFC 2606
OPERATOR = "operator"
ROLES = (*(str(role.value) for role in Role), OPERATOR)
PASSWORD_BYTES = 12
CHANGED = "(changed since)"


@dataclass(frozen=True)
class DemoAccount:
    """An account as the terminal shows it."""

    role: str
    email: str
    password: str


def ensure_accounts(
    *, datasets: Iterable[Dataset], passwords_path: Path, recorded_as: Participant
) -> list[DemoAccount]:
    """Make the accounts that are missing and give them their roles.

    Where the file of passwords was lost, accounts that stand already get the new passwords.

    Parameters
    ----------
    datasets : iterable of Dataset
        Where each account has its role.
    passwords_path : Path
        A JSON file, made if missing.
    recorded_as : Participant
        The person whose recordings belong to the participant's account.

    Returns
    -------
    list of DemoAccount
        By role, with the password, or `CHANGED` where its owner has set another.
    """
    passwords, drawn = _kept_passwords(passwords_path)
    datasets = list(datasets)
    with transaction.atomic():
        return [_ensure(role, passwords[role], datasets, recorded_as, drawn=role in drawn) for role in ROLES]


def _email(role: str) -> str:
    return f"{role}@{DOMAIN}"


def _ensure(role: str, password: str, datasets: list[Dataset], recorded_as: Participant, *, drawn: bool) -> DemoAccount:
    email = _email(role)
    user = User.objects.filter(email=email).first()
    if user is None:
        make = User.objects.create_superuser if role == OPERATOR else User.objects.create_user
        user = make(email, password, display_name=f"Demo {role}")
        vouch_for(user=user)
    elif drawn:
        user.set_password(password)
        user.save(update_fields=["password"])
    elif not user.check_password(password):
        password = CHANGED
    if role != OPERATOR:
        for dataset in datasets:
            Membership.objects.get_or_create(dataset=dataset, user=user, role=role)
    if role == Role.PARTICIPANT and not Participant.objects.filter(dataset=recorded_as.dataset, user=user).exists():
        Participant.objects.filter(pk=recorded_as.pk, user=None).update(user=user)
    return DemoAccount(role, email, password)


def _kept_passwords(path: Path) -> tuple[dict[str, str], set[str]]:
    """Return the password of each role, drawing and keeping those that are missing, and the roles of the latter."""
    try:
        kept: dict[str, str] = json.loads(path.read_text(encoding="ascii"))
    except FileNotFoundError:
        kept = {}
    drawn = set(ROLES) - set(kept)
    if drawn:
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = {role: kept.get(role) or secrets.token_urlsafe(PASSWORD_BYTES) for role in ROLES}
        unfinished = path.with_name(f".{path.name}.{os.getpid()}")
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            json.dump(kept, file, indent=2)
        unfinished.replace(path)
    return kept, drawn
