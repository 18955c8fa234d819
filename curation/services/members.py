"""Who works in a dataset: accounts, their roles, and which person of the dataset an account is.

A person comes into a dataset by a file, as a code, or by an account. Only somebody who knows both can say
that the two are one; until then they count as two, and an own recording could be voted on.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from curation.models import Dataset, Membership, Participant, Role, User
from curation.services.account_origin import came_unasked, draw_password, take_back, vouch_for
from curation.services.participants import ensure_participants
from curation.services.row_import import RowRefusedError


class MemberRefusedError(ValueError):
    """An account that cannot be made or tied to a code; `reason` is a code, `detail` says what to do."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class Member:
    """An account in a dataset.

    Attributes
    ----------
    user : User
        The account.
    password : str
        Drawn at random if the account was made or taken back now, to be shown once; empty if it stays as it was.
    participant : Participant or None
        Who the account is, if a code was given.
    taken_back : bool
        Whether somebody had signed up with the address, so that the account was taken from them.
    new_code : bool
        Whether nobody had recorded or judged under the code before: it may be mistyped.
    """

    user: User
    password: str
    participant: Participant | None
    taken_back: bool = False
    new_code: bool = False


def check_link(*, dataset: Dataset, code: str, user: User) -> None:
    """Refuse to say that an account is a person if either is somebody else already.

    Parameters
    ----------
    dataset : Dataset
        Where.
    code : str
        The person's code.
    user : User
        The account.

    Raises
    ------
    MemberRefusedError
        `code_taken` or `other_code`. Nothing is merged: judgements are stored for good under the code that gave them.
    """
    people = Participant.objects.filter(dataset=dataset)
    if people.filter(code=code, user__isnull=False).exclude(user=user).exists():
        detail = f"{code} of {dataset} is another account already. Take that account off the code first (/operator/)."
        raise MemberRefusedError("code_taken", detail)
    other = people.filter(user=user).exclude(code=code).first()
    if other:
        detail = (
            f"{user.email} is {other.code} in {dataset} already, and two codes are never merged. Take the account off "
            f"{other.code} first (/operator/); what it judged stays {other.code}'s."
        )
        raise MemberRefusedError("other_code", detail)


@transaction.atomic
def link_account(*, dataset: Dataset, code: str, user: User) -> Participant:
    """Say that an account is the person of a code, who is made if the dataset does not know the code.

    Parameters
    ----------
    dataset : Dataset
        Where.
    code : str
        The pseudonym that files use.
    user : User
        The account.

    Returns
    -------
    Participant
        The person, with the account.

    Raises
    ------
    MemberRefusedError
        As `check_link`, or the reason of a code that is no pseudonym.
    """
    Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)  # an account's first vote draws a code
    check_link(dataset=dataset, code=code, user=user)
    try:
        person = ensure_participants(dataset=dataset, codes=[code])[code]
    except RowRefusedError as error:
        raise MemberRefusedError(error.refused.reason, error.refused.detail) from error
    if person.user_id != user.pk:
        person.user = user
        person.save(update_fields=["user"])
    return person


@transaction.atomic
def add_member(*, dataset: Dataset, email: str, role: Role, code: str = "", name: str = "") -> Member:
    """Give an account a role, making the account if there is none; all of it or nothing.

    An account that somebody made by signing up, with an address that nobody has confirmed, may be a stranger's: it is
    taken back first, see `curation.services.account_origin.take_back`.

    Parameters
    ----------
    dataset : Dataset
        Where.
    email : str
        The account's address, in any case.
    role : Role
        What the person may do; roles add up.
    code : str, optional
        Who the account is in the dataset's files; see `link_account`.
    name : str, optional
        The name that a new account shows.

    Returns
    -------
    Member
        The account, with its password if it was made or taken back now.

    Raises
    ------
    MemberRefusedError
        `bad_email`, or as `link_account`.
    """
    address = email.strip().lower()
    try:
        validate_email(address)
    except ValidationError as error:
        raise MemberRefusedError(
            "bad_email", f"{email!r} is no e-mail address. Give one like me@example.org."
        ) from error
    password = ""
    user = User.objects.select_for_update(no_key=True).filter(email=address).first()
    is_strangers = user is not None and came_unasked(user)
    if user is None:
        password = draw_password()
        user = User.objects.create_user(address, password, display_name=name)
        vouch_for(user=user)
    elif is_strangers:
        password = take_back(user=user)
    Membership.objects.get_or_create(dataset=dataset, user=user, role=role)
    new_code = bool(code) and not Participant.objects.filter(dataset=dataset, code=code).exists()
    person = link_account(dataset=dataset, code=code, user=user) if code else None
    return Member(user, password, person, taken_back=is_strangers, new_code=new_code)
