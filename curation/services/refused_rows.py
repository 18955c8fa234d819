"""The list of refused rows that stands beside an imported file."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from curation.domain.sentences import gettext_noop, sentence
from curation.services.csv_rows import Refused, Row, UnusableFileError

MAX_NAME_BYTES = 255  # of a file name on the file systems in use; a Korean letter takes three


class RefusedRows:
    """The ``*.refused.csv``, written beside its final name and moved there when complete.

    Parameters
    ----------
    path : Path
        The final name.
    columns : sequence of str
        Columns of the rows, repeated after the reason.
    place : str
        What `Row.line` counts.
    """

    def __init__(self, path: Path, columns: Sequence[str], *, place: str = "line") -> None:
        self._path = path
        self._columns = columns
        try:
            descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".refused.")
        except OSError as error:
            text = gettext_noop("%(path)s: %(reason)s. Refused rows are listed there; make room or allow writing.")
            raise UnusableFileError(sentence(text, path=str(path.parent), reason=str(error.strerror))) from error
        self._temporary = Path(name)
        # JSON can hold halves of characters, which have no UTF-8.
        self._file = os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="")
        self._writer = csv.writer(self._file)
        self._writer.writerow([place, "reason", "detail", *columns])
        self.count = 0

    def add(self, row: Row, refused: Refused) -> None:
        """List one row."""
        self.count += 1
        self._writer.writerow(
            [row.line, refused.reason, refused.detail, *(row.values[column] for column in self._columns)]
        )

    def finish(self) -> Path | None:
        """Put the file in place; without refused rows an older one is removed."""
        self._file.close()
        if self.count:
            self._temporary.chmod(0o644)
            self._temporary.replace(self._path)
            return self._path
        self._temporary.unlink()
        self._path.unlink(missing_ok=True)
        return None

    def discard(self) -> None:
        """Leave everything as it was before."""
        self._file.close()
        self._temporary.unlink(missing_ok=True)


def refused_name_for(file_name: str) -> str:
    """Return what the list of a file's refused rows is called."""
    stem = Path(file_name).stem
    while len(os.fsencode(f"{stem}.refused.csv")) > MAX_NAME_BYTES:
        stem = stem[:-1]
    return f"{stem}.refused.csv"


def refused_path_for(path: Path) -> Path:
    """Return where a file's refused rows are listed: beside it, or here if nobody may write there."""
    name = refused_name_for(path.name)
    return path.parent / name if os.access(path.parent, os.W_OK) else Path.cwd() / name
