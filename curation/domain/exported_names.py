"""The name of a clip in everything that is written for others: the same in all tables, and safe in a spreadsheet.

A cell that a spreadsheet would take for a formula gets an apostrophe in front. A file cannot be treated so,
since its cell must name it; a clip of such a name is called otherwise, as a file and in every table.
"""

from __future__ import annotations

FORMULA_STARTS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
NAME_PREFIX = "_"


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
        that it begins with. Two names never become one.
    """
    return f"{NAME_PREFIX}{name}" if starts_formula(name.lstrip(NAME_PREFIX)) else name
