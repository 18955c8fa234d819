"""Cells and tables of an export: CSV that loaders read, that spreadsheets do not execute, and that names nobody.

Three things are done to every text, whoever wrote it:

- An e-mail address becomes ``[e-mail removed]``. Accounts' addresses are never read, but titles, tags and
  names of uploaders are free text.
- Tabs, line breaks and control characters become a space, so that a row is a line.
- A text that a spreadsheet would take for a formula (it starts with ``=``, ``+``, ``-`` or ``@``, or their
  full-width forms) gets an apostrophe in front. Numbers are ours and stay numbers.
"""

from __future__ import annotations

import csv
import hashlib
import io
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import IO

from curation.domain.email_addresses import without_emails
from curation.domain.exported_names import starts_formula
from curation.exports.archive import BLOCK_BYTES

EMAIL_REMOVED = "[e-mail removed]"
LIST_SEPARATOR = "|"
_SPOOL_BYTES = 4 * BLOCK_BYTES

Cell = str | int | float | bool | None


def plain_text(text: str) -> str:
    """Return `text` on one line, without e-mail addresses."""
    if not text.isprintable():
        text = "".join(character if character.isprintable() else " " for character in text)
    return without_emails(text, EMAIL_REMOVED)


def cell(value: Cell) -> str:
    """Return what stands in a table for `value`.

    Parameters
    ----------
    value : str, int, float, bool or None
        None is empty, truth 1 or 0, a float at most six decimals.

    Returns
    -------
    str
        One line.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return _decimals(value)
    if isinstance(value, int):
        return str(value)
    text = plain_text(value)
    return f"'{text}" if starts_formula(text) else text


def _decimals(value: float) -> str:
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def listed(values: Iterable[str], separator: str = LIST_SEPARATOR) -> str:
    """Join several values of one cell; a separator inside a value becomes a space."""
    return separator.join(value.replace(separator, " ") for value in values)


class Document:
    """One text file of an export, written before it is known whether the export will be needed.

    Small documents stay in memory, large ones lie in a temporary file without a name.
    """

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES)  # noqa: SIM115 -- `close` is ours
        self._digest = hashlib.sha256()
        self.bytes = 0

    def write(self, text: str) -> None:
        """Append."""
        data = text.encode()
        self._file.write(data)
        self._digest.update(data)
        self.bytes += len(data)

    @property
    def sha256(self) -> str:
        """Hexadecimal digest of what was written so far."""
        return self._digest.hexdigest()

    def blocks(self) -> Iterator[bytes]:
        """Read from the beginning."""
        self._file.seek(0)
        while block := self._file.read(BLOCK_BYTES):
            yield block

    def close(self) -> None:
        """Give the memory or the temporary file back."""
        self._file.close()


class Table(Document):
    """A CSV file: UTF-8, commas, line feeds, a header."""

    def __init__(self, header: Sequence[str]) -> None:
        super().__init__()
        self._width = len(header)
        self._line = io.StringIO()
        self._writer = csv.writer(self._line, lineterminator="\n")
        self.add(header)

    def add(self, values: Sequence[Cell]) -> None:
        """Append a row.

        Raises
        ------
        ValueError
            If it has another number of cells than the header.
        """
        if len(values) != self._width:
            message = f"A row has {len(values)} cells where the header has {self._width}."
            raise ValueError(message)
        self._writer.writerow([cell(value) for value in values])
        self.write(self._line.getvalue())
        self._line.seek(0)
        self._line.truncate()
