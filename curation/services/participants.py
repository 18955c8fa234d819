"""People of a dataset, by pseudonym: the code that files use, and the number that file names carry.

A code is never an e-mail address, since it is exported, and never starts as a spreadsheet formula would.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Iterable
from itertools import count

from django.db import transaction
from django.db.models import Max

from curation.models import Dataset, Participant, User
from curation.services.row_import import RowRefusedError

MAX_CODE_CHARS = 64
LOOKUP_CODES = 500
FORMULA_STARTS = ("=", "+", "-")
_NUMBERED = re.compile(r"user([0-9]{1,6})")  # six digits: what a file name's number may become at most
_FEWEST_TO_DRAW_FROM = 9_999  # `user0001` to `user9999`, more once half of them are taken


def check_code(code: str) -> None:
    """Refuse a code that is no pseudonym.

    Parameters
    ----------
    code : str
        As it stands in a file or a form.

    Raises
    ------
    RowRefusedError
        `participant_is_email`, or `bad_participant` for an empty, long, unprintable or formula-like code.
    """
    plain = unicodedata.normalize("NFKC", code)  # spreadsheets take wide signs for the narrow ones
    if "@" in plain:
        detail = "A participant is a pseudonymous code, never an e-mail address. Replace it, for instance by user0001."
        raise RowRefusedError("participant_is_email", detail)
    if not 1 <= len(code) <= MAX_CODE_CHARS:
        detail = f"The participant's code has {len(code)} characters; give 1 to {MAX_CODE_CHARS}."
        raise RowRefusedError("bad_participant", detail)
    if not code.isprintable() or code != code.strip() or plain.startswith(FORMULA_STARTS):
        detail = (
            f"The participant's code {code!r} must be printable, without spaces around it, and not start with = + or -."
        )
        raise RowRefusedError("bad_participant", detail)
    if not unicodedata.is_normalized("NFC", code):
        detail = (
            f"The participant's code {code!r} has accents or syllables in pieces, so that one person could become two. "
            "Save the file with composed letters (Unicode NFC)."
        )
        raise RowRefusedError("bad_participant", detail)


def numbered(code: str) -> int:
    """Return the number that a code names (17 for ``user0017``), or 0."""
    found = _NUMBERED.fullmatch(code)
    return int(found[1]) if found else 0


@transaction.atomic
def ensure_participants(*, dataset: Dataset, codes: Iterable[str], above: int = 0) -> dict[str, Participant]:
    """Return the participants of these codes, making those that do not exist.

    A code like ``user0017`` gets number 17 if that is free; every other code, in the order given, the next number
    above all that people here have or these codes name, so that no file name carries somebody else's code.

    Parameters
    ----------
    dataset : Dataset
        Where they belong.
    codes : iterable of str
        Pseudonyms, in any number; repeated ones count once.
    above : int
        Highest number that codes to come name; see `numbered`.

    Returns
    -------
    dict of str to Participant
        One participant per code.

    Raises
    ------
    RowRefusedError
        If a code is no pseudonym; nothing is stored then.
    """
    wanted = list(dict.fromkeys(codes))
    for code in wanted:
        check_code(code)
    found = _find(dataset, wanted)
    if len(found) == len(wanted):
        return found
    Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)  # one writer at a time draws numbers
    found = _find(dataset, wanted)
    missing = [code for code in wanted if code not in found]
    numbers = _numbers_for(dataset, missing, above)
    Participant.objects.bulk_create(Participant(dataset=dataset, code=code, number=numbers[code]) for code in missing)
    return _find(dataset, wanted)


@transaction.atomic
def participant_for_user(*, dataset: Dataset, user: User) -> Participant:
    """Return who an account is in a dataset, drawing a code the first time.

    The number is drawn at random: one given in order of arrival would tell who came when.

    Parameters
    ----------
    dataset : Dataset
        Where the person works.
    user : User
        The account.

    Returns
    -------
    Participant
        With a code such as ``user4711``.
    """
    found = Participant.objects.filter(dataset=dataset, user=user).first()
    if found:
        return found
    Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)
    found = Participant.objects.filter(dataset=dataset, user=user).first()
    if found:
        return found
    people = Participant.objects.filter(dataset=dataset)
    most = max(_FEWEST_TO_DRAW_FROM, 2 * people.count())
    while True:
        number = 1 + secrets.randbelow(most)
        code = f"user{number:04d}"
        if not (people.filter(number=number).exists() or people.filter(code=code).exists()):
            return Participant.objects.create(dataset=dataset, code=code, number=number, user=user)


def _find(dataset: Dataset, codes: list[str]) -> dict[str, Participant]:
    found: dict[str, Participant] = {}
    for start in range(0, len(codes), LOOKUP_CODES):
        part = codes[start : start + LOOKUP_CODES]
        found |= {person.code: person for person in Participant.objects.filter(dataset=dataset, code__in=part)}
    return found


def _numbers_for(dataset: Dataset, codes: list[str], above: int) -> dict[str, int]:
    people = Participant.objects.filter(dataset=dataset)
    named = {code: number for code in codes if (number := numbered(code))}
    wanted = list(named.values())
    taken: set[int] = set()
    for start in range(0, len(wanted), LOOKUP_CODES):
        part = wanted[start : start + LOOKUP_CODES]
        taken |= set(people.filter(number__in=part).values_list("number", flat=True))
    numbers: dict[str, int] = {}
    for code in sorted(named, key=lambda code: code != f"user{named[code]:04d}"):  # `user0017` before `user17`
        if named[code] not in taken:
            numbers[code] = named[code]
            taken.add(named[code])
    highest = people.aggregate(highest=Max("number"))["highest"] or 0
    free = count(max(highest, above, *wanted, 0) + 1)
    return {code: numbers[code] if code in numbers else next(free) for code in codes}
