"""Importing rows from CSV files: the part that is the same whatever the rows are.

A file is read twice: once for its encoding and SHA-256, once row by row. Rows are handed to an
`Importer` in batches; good rows are stored, every refused row is written with its line number and
reason to a ``*.refused.csv``, and a file that cannot be used at all is refused before anything is
stored. Neither the file nor the keys of its rows are held in memory.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from curation.domain.progress import Progress, no_progress
from curation.domain.sentences import Part, gettext_noop, in_english, sentence
from curation.models import Dataset, ImportRun
from curation.services.csv_rows import (
    MAX_FIELD_CHARS,
    Refused,
    Row,
    RowRefusedError,
    UnusableFileError,
    check_field_lengths,
    header_hint,
    read_rows,
    scan_file,
)
from curation.services.refused_rows import MAX_NAME_BYTES, RefusedRows, refused_path_for

__all__ = [
    "MAX_FIELD_CHARS",
    "MAX_NAME_BYTES",
    "Accepted",
    "ImportReport",
    "Importer",
    "Outcome",
    "Refused",
    "RefusedRows",
    "Row",
    "RowRefusedError",
    "Unchanged",
    "UnusableFileError",
    "check_field_lengths",
    "header_hint",
    "import_rows",
    "read_rows",
    "refused_path_for",
    "scan_file",
    "store_import_run",
]

BATCH_ROWS = 500


@dataclass(frozen=True)
class Accepted:
    """The row was stored."""


@dataclass(frozen=True)
class Unchanged:
    """The very same row had been stored before."""


Outcome = Accepted | Unchanged | Refused


class Importer(Protocol):
    """What one kind of rows needs beyond the common part."""

    kind: str
    required: Sequence[str]
    optional: Sequence[str]

    def identity(self, row: Row) -> tuple[str, ...]:
        """Return what makes the row one of a kind: once one is taken, others of the file with it are refused."""

    def look(self, row: Row) -> None:
        """See a readable row; every one is shown before the first is stored."""

    def take(self, rows: Sequence[Row]) -> Sequence[Outcome]:
        """Store the rows that are good, in transactions of its own; answer in the order of `rows`."""


@dataclass
class ImportReport:
    """What became of a file's rows."""

    path: Path
    accepted: int = 0
    unchanged: int = 0
    refused: int = 0
    refusals_by_reason: Counter[str] = field(default_factory=Counter)
    refused_path: Path | None = None
    refused_before: bool = False  # the same file was imported before with the same outcome

    @property
    def nothing_usable(self) -> bool:
        """Whether there were rows, and all were refused."""
        return bool(self.refused) and not (self.accepted or self.unchanged)

    def describe(self, noun: str, *, listed_in: str = "") -> str:
        """Say it for people, on several lines.

        Parameters
        ----------
        noun : str
            What the good rows became, in the plural.
        listed_in : str
            What to call the list of refused rows; its path where empty.
        """
        counts = f"%(file)s: %(stored)d {noun} stored, %(known)d known already, %(refused)d refused."
        return in_english(self.parts(counts, listed_in=listed_in))

    def parts(self, counts: str, *, listed_in: str = "") -> list[Part]:
        """Say it in sentences.

        Parameters
        ----------
        counts : str
            The first of them, which names ``file``, and the numbers ``stored``, ``known`` and ``refused``.
        listed_in : str
            As of `describe`.
        """
        numbers = {"stored": self.accepted, "known": self.unchanged, "refused": self.refused}
        said: list[Part] = [sentence(counts, file=self.path.name, **numbers)]
        if self.refused:
            said += [f"\n  {reason}: {count}" for reason, count in self.refusals_by_reason.most_common()]
            listed = gettext_noop("The refused rows stand in %(place)s.")
            said += ["\n", sentence(listed, place=listed_in or str(self.refused_path))]
        if self.refused_before:
            said += ["\n", sentence(gettext_noop("They were refused before; nothing else in the file is new."))]
        return said


@dataclass
class _Pending:
    """A row of a batch, and what became of it so far."""

    row: Row
    outcome: Outcome | None
    key: bytes = b""
    content: bytes = b""


class _SeenKeys:
    """The keys of the rows that were taken so far, on disk, with the line of each."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("")  # a private temporary file that SQLite removes
        self._database.execute("CREATE TABLE seen (key BLOB PRIMARY KEY, line INTEGER, content BLOB) WITHOUT ROWID")

    def refusal(self, key: bytes, content: bytes) -> Refused | None:
        """Refuse a row whose key was taken from another row before."""
        found = self._database.execute("SELECT line, content FROM seen WHERE key = ?", (key,)).fetchone()
        if found is None:
            return None
        if found[1] == content:
            return Refused("duplicate_row", f"Line {found[0]} says the very same. Remove one of the two.")
        return Refused(
            "contradicting_row", f"Line {found[0]} says otherwise of the same; it counts. Mend or remove one."
        )

    def add(self, key: bytes, content: bytes, line: int) -> None:
        """Remember a row that was taken."""
        self._database.execute("INSERT INTO seen VALUES (?, ?, ?)", (key, line, content))

    def close(self) -> None:
        self._database.close()


def _digest(texts: Iterable[str]) -> bytes:
    return hashlib.blake2b("\0".join(texts).encode(), digest_size=16).digest()  # no field has a zero byte


def import_rows(
    *,
    dataset: Dataset,
    path: Path,
    importer: Importer,
    progress: Progress = no_progress,
    refused_path: Path | None = None,
) -> ImportReport:
    """Import a file's rows.

    Parameters
    ----------
    dataset : Dataset
        Where the rows belong.
    path : Path
        The CSV file.
    importer : Importer
        Stores one kind of rows.
    progress : Progress
        Told the lines done after each batch.
    refused_path : Path, optional
        Where refused rows are listed; `refused_path_for` says where otherwise.

    Returns
    -------
    ImportReport
        Counts, and where the refused rows are listed.

    Raises
    ------
    UnusableFileError
        If no row can be taken.
    """
    sha256, lines = scan_file(path)
    columns = [*importer.required, *importer.optional]
    # Quoting that breaks off at the end must be found before the first row is stored.
    for item in read_rows(path, required=importer.required, optional=importer.optional):
        if isinstance(item, Row):
            importer.look(item)
    rows = read_rows(path, required=importer.required, optional=importer.optional)
    listed = RefusedRows(refused_path or refused_path_for(path), columns)
    report = ImportReport(path=path)
    seen = _SeenKeys()
    try:
        for batch in _batches(rows):
            _take_batch(batch, importer, seen, listed, report)
            progress(min(batch[-1].row.line - 1, lines), max(lines, 1))  # lines may end in carriage returns
    except BaseException:
        listed.discard()  # half a list would look like a whole one; what was stored is known next time
        raise
    finally:
        seen.close()
    report.refused_path = listed.finish()
    store_import_run(dataset, importer.kind, path, sha256, report)
    progress(max(lines, 1), max(lines, 1))
    return report


def _batches(rows: Iterator[Row | tuple[Row, Refused]]) -> Iterator[list[_Pending]]:
    while batch := list(islice(rows, BATCH_ROWS)):
        yield [_Pending(*item) if isinstance(item, tuple) else _Pending(item, None) for item in batch]


def _take_batch(
    batch: list[_Pending], importer: Importer, seen: _SeenKeys, listed: RefusedRows, report: ImportReport
) -> None:
    waiting = [pending for pending in batch if pending.outcome is None]
    for pending in waiting:
        pending.key, pending.content = _digest(importer.identity(pending.row)), _digest(pending.row.values.values())
    while waiting:
        waiting = _take_firsts(waiting, importer, seen)
    for pending in batch:
        if isinstance(pending.outcome, Refused):
            listed.add(pending.row, pending.outcome)
            report.refused += 1
            report.refusals_by_reason[pending.outcome.reason] += 1
        elif isinstance(pending.outcome, Accepted):
            report.accepted += 1
        else:
            report.unchanged += 1


def _take_firsts(waiting: list[_Pending], importer: Importer, seen: _SeenKeys) -> list[_Pending]:
    """Take the first row of each key; return the others, which count where that row is refused."""
    firsts: dict[bytes, _Pending] = {}
    again: list[_Pending] = []
    for pending in waiting:
        pending.outcome = seen.refusal(pending.key, pending.content)
        if pending.outcome is None and firsts.setdefault(pending.key, pending) is not pending:
            again.append(pending)
    taken = importer.take([pending.row for pending in firsts.values()]) if firsts else ()
    for pending, outcome in zip(firsts.values(), taken, strict=True):
        pending.outcome = outcome
        if not isinstance(outcome, Refused):
            seen.add(pending.key, pending.content, pending.row.line)
    return [pending for pending in again if not _same_refusal(pending, firsts[pending.key])]


def _same_refusal(pending: _Pending, first: _Pending) -> bool:
    """Give a row that repeats a refused one the same answer, so that many such rows cost one look."""
    if isinstance(first.outcome, Refused) and first.content == pending.content:
        pending.outcome = first.outcome
        return True
    return False


def store_import_run(dataset: Dataset, kind: str, path: Path, sha256: str, report: ImportReport) -> None:
    """Remember what became of a file, once per content: a repeated run adds what it brought, often nothing."""
    run = ImportRun.objects.filter(dataset=dataset, kind=kind, file_sha256=sha256).first()
    brought = report.accepted + (run.accepted if run else 0)
    counts: dict[str, Any] = {
        "file_name": path.name[-255:],
        "accepted": brought,
        "unchanged": max(report.accepted + report.unchanged - brought, 0),
        "refused": report.refused,
        "refusals_by_reason": dict(report.refusals_by_reason),
    }
    if run and all(getattr(run, name) == value for name, value in counts.items()):
        report.refused_before = bool(report.refused) and not report.accepted
        return
    ImportRun.objects.update_or_create(dataset=dataset, kind=kind, file_sha256=sha256, defaults=counts)
