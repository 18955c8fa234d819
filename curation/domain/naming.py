"""File names of segments, exactly as CochlScene's: ``Bus_user0017_14896147_000.wav``.

References
----------
Jeong and Park, "CochlScene: Acquisition of acoustic scene data using crowdsourcing", 2022, section II.D:
``{Class}_{User ID}_{Submission ID}_{Segment index}``.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

SUBMISSION_ID = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)
# A label as far as a pattern can say it: marks of letters have no class of their own in `re`; see `_LABEL`.
SEGMENT_NAME = re.compile(
    r"(?P<label>[^\W_][^\x00-/:-@\[-`{-\x7f\s]*)"
    r"_user(?P<number>[0-9]{4,})_(?P<submission>[A-Za-z0-9-]{1,64})_(?P<index>[0-9]{3,})\.wav"
)
# Over `_kinds` of a text: letters, each with the marks that follow it, and digits; an apostrophe parts no word.
_LABEL = re.compile(r"(?:LM*|D)+")
_WORD = re.compile(r"(?:LM*|D)+(?:'(?:LM*|D)+)*")
_APOSTROPHES = re.compile("['\u2019]")


class NamingError(ValueError):
    """A name that cannot be made; the message says what would do."""


def file_label(name: str) -> str:
    """Return a category's name as it stands in file names: its letters, with their marks, and digits in CamelCase.

    Parameters
    ----------
    name : str
        Name for people ("Crowded indoor").

    Returns
    -------
    str
        Letters and digits, each word's first letter a capital ("CrowdedIndoor"); what a word already has in
        capitals stays ("TV"). Letters of any script stay, with the vowel signs and other marks that follow them
        (Unicode's Mn and Mc), in their composed form (NFC). It can stand in a segment's name.

    Raises
    ------
    NamingError
        If the name has neither letter nor digit.
    """
    name = unicodedata.normalize("NFC", name)
    words = [_APOSTROPHES.sub("", name[match.start() : match.end()]) for match in _WORD.finditer(_kinds(name))]
    # Composed once more: a capital may have more characters than its letter, and letters of two words may join.
    label = unicodedata.normalize("NFC", "".join(word[0].upper() + word[1:] for word in words))
    if not label:
        message = f"{name!r} has neither letter nor digit. Give the category a name with one."
        raise NamingError(message)
    return label


def _kinds(text: str) -> str:
    """Return one character for each of `text`: L for a letter, D a digit, M a mark, ' an apostrophe, a space else."""
    return "".join(map(_kind, text))


def _kind(sign: str) -> str:
    if sign.isalpha():
        return "L"
    if sign.isalnum():
        return "D"
    if _APOSTROPHES.match(sign):
        return "'"
    return "M" if unicodedata.category(sign) in {"Mn", "Mc"} else " "


def folded_name(name: str) -> str:
    """Return what two names have in common that some file system takes for one.

    Parameters
    ----------
    name : str
        A clip's name.

    Returns
    -------
    str
        Without differences of upper and lower case or of composed and decomposed letters.

    References
    ----------
    The Unicode Standard, section 3.13, D145: canonical caseless match.
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def folders_of(name: str) -> list[str]:
    """Return the folders that a file's name goes through: ``a`` and ``a/b`` of ``a/b/c.wav``."""
    parts = name.split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts))]


def name_key(name: str) -> int:
    """Return 64 bits of `folded_name`, by which a database finds it in an index.

    Parameters
    ----------
    name : str
        A clip's name; its folded form may be several times as long as a column or an index entry.

    Returns
    -------
    int
        From -2**63 to 2**63 - 1.
    """
    return int.from_bytes(hashlib.blake2b(folded_name(name).encode(), digest_size=8).digest(), signed=True)


def segment_name(*, file_label: str, participant_number: int, submission_id: str, index: int) -> str:
    """Return the file name of a segment.

    Parameters
    ----------
    file_label : str
        The category's label, as `file_label` makes it.
    participant_number : int
        The participant's number, at least 0; four digits or more in the name.
    submission_id : str
        1 to 64 ASCII letters, digits and hyphens.
    index : int
        The segment's place in the submission, from 0; three digits or more in the name.

    Returns
    -------
    str
        The name, ending in ``.wav``.

    Raises
    ------
    NamingError
        If a part cannot stand in a name.
    """
    if participant_number < 0 or index < 0:
        message = f"participant {participant_number}, segment {index}: both must be at least 0."
        raise NamingError(message)
    name = f"{file_label}_user{participant_number:04d}_{submission_id}_{index:03d}.wav"
    if not (SEGMENT_NAME.fullmatch(name) and _LABEL.fullmatch(_kinds(file_label))):
        message = (
            f"{name!r} is no segment name: the label takes letters, with their marks, and digits, "
            "the submission 1 to 64 letters, digits and hyphens (A-Z, a-z, 0-9, -)."
        )
        raise NamingError(message)
    return name
