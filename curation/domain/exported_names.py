"""The name of a clip in everything written for others: one in all tables, safe in a spreadsheet and on disk.

A cell that a spreadsheet would take for a formula gets an apostrophe in front. A file cannot be treated so,
since its cell must name it; a clip of such a name is called otherwise, as a file and in every table. So is one
whose name holds a character that Windows cannot store, as times of day do (``12:30:05.wav``).

References
----------
Microsoft, "Naming Files, Paths, and Namespaces": the reserved characters. RFC 3986, section 2.1: how they are written.
"""

from __future__ import annotations

import re

FORMULA_STARTS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
NAME_PREFIX = "_"
UNSTORABLE = '<>:"|?*'  # on Windows; slashes part folders, a backslash has no other spelling that is safe
_CODES = "|".join(f"{ord(sign):02X}" for sign in f"%{UNSTORABLE}")
# In any case of its letters, since `%3a` and `%3A` are one file where upper and lower case are one.
_REWRITTEN = re.compile(f"[{re.escape(UNSTORABLE)}]|%(?={_CODES})", re.IGNORECASE)


def starts_formula(text: str) -> bool:
    """Return whether a spreadsheet would take `text` for a formula."""
    return text.lstrip().startswith(FORMULA_STARTS)


def exported_name(name: str) -> str:
    """Return the name under which a clip is exported.

    Parameters
    ----------
    name : str
        Of the clip.

    Returns
    -------
    str
        The name itself; with ``_`` in front if it would be taken for a formula, or would be so without the ``_``
        that it begins with; with ``%3A`` for a colon and likewise for each of `UNSTORABLE`, and ``%25`` for a
        ``%`` that would read as the beginning of such a code. Two names never become one.
    """
    stored = _REWRITTEN.sub(lambda match: f"%{ord(match[0]):02X}", name)
    return f"{NAME_PREFIX}{stored}" if starts_formula(stored.lstrip(NAME_PREFIX)) else stored
