"""Checks of single fields that manifests of recordings and of clips have in common.

Each takes the text of a field and returns what is stored, or refuses the row with a reason and a remedy.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from posixpath import normpath
from urllib.parse import urlsplit

from curation.models import Category, Restriction
from curation.selectors.categories import CategoryIndex
from curation.services.row_import import Row, RowRefusedError

YES = frozenset({"1", "yes"})
NO = frozenset({"0", "no"})


def find_file(text: str, root: Path) -> tuple[Path, str]:
    """Find a manifest's file under the audio root.

    Parameters
    ----------
    text : str
        Path as the manifest has it: relative to the root, or absolute and inside it. Backslashes count as slashes
        where no file has such a name.
    root : Path
        The audio root, resolved.

    Returns
    -------
    path : Path
        Where the file is. It may be a link, whose target lies under the root too.
    name : str
        Its place under the root, with forward slashes.

    Raises
    ------
    RowRefusedError
        `path_missing`, `path_outside_root` or `file_missing`.
    """
    if not text:
        raise RowRefusedError("path_missing", "The row names no file.")
    path = root / text
    try:
        if "\\" in text and not path.exists():
            path = root / text.replace("\\", "/")
        target = path.resolve()
        exists = path.exists()
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, a name too long
        raise RowRefusedError("file_missing", f"{text!r} cannot be opened: {error}. Mend the path.") from error
    if not target.is_relative_to(root):
        detail = f"{text!r} leads out of {root}. Move the file inside, or name another --audio-root."
        raise RowRefusedError("path_outside_root", detail)
    if not exists:
        raise RowRefusedError("file_missing", f"{text!r} does not exist under {root}. Mend the path or add the file.")
    lexical = PurePosixPath(normpath(path))  # the name as given, unless the root itself was named by way of a link
    return path, str((lexical if lexical.is_relative_to(root) else target).relative_to(root))


def find_label(text: str, categories: CategoryIndex) -> Category:
    """Return the category a row names, by name or id.

    AudioSet's abstract categories only group others and are refused; its blacklist is advice about which labels
    are hard to verify, so a blacklisted category that a manifest names is taken.

    Raises
    ------
    RowRefusedError
        `unknown_category` or `category_abstract`.
    """
    category = categories.find(text)
    if category is None:
        detail = f"The dataset has no category {text!r}, by name or id. Mend it, or import it with the taxonomy."
        raise RowRefusedError("unknown_category", detail)
    if Restriction.ABSTRACT in category.restrictions:
        detail = f"{text!r} only groups other categories. Name one of those below it."
        raise RowRefusedError("category_abstract", detail)
    return category


def check_licence(text: str, admitted: Sequence[str]) -> str:
    """Return a licence in lower case, as SPDX identifiers compare.

    Raises
    ------
    RowRefusedError
        `licence_not_allowed` if the policy admits some licences and this is none of them.
    """
    licence = text.lower()
    if admitted and licence not in {one.lower() for one in admitted}:
        detail = f"{text or 'No licence'!r} is not among the policy's: {', '.join(admitted)}."
        raise RowRefusedError("licence_not_allowed", detail)
    return licence


def check_url(text: str) -> str:
    """Return an address that a page may link to.

    Raises
    ------
    RowRefusedError
        `bad_url` unless it is empty or begins with http:// or https:// and names a host.
    """
    try:
        parts = urlsplit(text)
        good = not text or (parts.scheme in {"http", "https"} and bool(parts.hostname))
    except ValueError:
        good = False
    if not good or not text.isprintable() or " " in text:
        raise RowRefusedError("bad_url", f"{text!r} is no address. Give one that begins with https://, or nothing.")
    return text


def check_time(text: str) -> datetime | None:
    """Return a time in UTC; one without an offset is taken as UTC.

    Raises
    ------
    RowRefusedError
        `bad_time` unless it is empty or ISO 8601.
    """
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        detail = f"{text!r} is no time as ISO 8601 writes it, for example 2024-05-01T14:30:00+09:00."
        raise RowRefusedError("bad_time", detail) from error


def check_text(row: Row, column: str) -> str:
    """Return a text on one line.

    Raises
    ------
    RowRefusedError
        `bad_text` if it holds control characters.
    """
    text = " ".join(row[column].split())
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise RowRefusedError("bad_text", f"{column} holds control characters. Remove them.")
    return text


def check_yes_no(row: Row, column: str) -> bool:
    """Return whether a field says 1 or yes rather than 0 or no.

    Raises
    ------
    RowRefusedError
        `bad_<column>` for anything else.
    """
    word = row[column].lower()
    if word not in YES | NO:
        reason = f"bad_{column}"
        raise RowRefusedError(reason, f"{column} is {row[column]!r}; write 1, yes, 0 or no.")
    return word in YES
