"""Reading CSV files row by row: UTF-8, commas, a header; whatever else is refused with its place and the remedy."""

from __future__ import annotations

import codecs
import csv
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from curation.domain.sentences import SaidError, Sentence, gettext_noop, sentence

MAX_FIELD_CHARS = 65_536  # what a row may hold
MAX_READ_CHARS = 2 << 20  # a longer field makes the file unusable: a quote is missing, or it is no CSV
LISTED_CHARS = 1_000  # of a field that is too long
_OTHER_SEPARATORS = {
    ";": gettext_noop("Its fields are apart by semicolons; save it with commas between them."),
    "\t": gettext_noop("Its fields are apart by tabs; save it with commas between them."),
    "|": gettext_noop("Its fields are apart by bars; save it with commas between them."),
}
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class UnusableFileError(SaidError):
    """A file of which no row can be taken; the message names the place and the remedy."""


@dataclass(frozen=True)
class Row:
    """One record of a file.

    Attributes
    ----------
    line : int
        Line on which the record starts, from 1, the header being line 1.
    values : dict of str to str
        Stripped text by column; optional columns that the file lacks are empty.
    """

    line: int
    values: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.values[column]


@dataclass(frozen=True)
class Refused:
    """The row was not stored.

    Attributes
    ----------
    reason : str
        A code in snake case that programs can count (``unknown_category``).
    detail : str
        What was found, and what to do about it.
    """

    reason: str
    detail: str


class RowRefusedError(ValueError):
    """Raised by checks of one row; carries its `Refused`."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.refused = Refused(reason, detail)


def check_field_lengths(row: Row, limits: dict[str, int]) -> None:
    """Refuse a row with a value longer than its column stores.

    Raises
    ------
    RowRefusedError
        Naming the column and the limit.
    """
    for column, limit in limits.items():
        if len(row[column]) > limit:
            detail = f"{column} has {len(row[column])} characters; at most {limit} are kept."
            raise RowRefusedError("value_too_long", detail)


def check_filled(row: Row, columns: Sequence[str]) -> None:
    """Refuse a row in which one of some columns is empty.

    Raises
    ------
    RowRefusedError
        `empty_field`, naming the column.
    """
    for column in columns:
        if not row[column]:
            raise RowRefusedError("empty_field", f"{column} is empty; each row needs one.")


def record_refusal(record: Sequence[str], width: int) -> Refused | None:
    """Refuse a record that has other fields than the header, or one that is too long to be meant.

    Parameters
    ----------
    record : sequence of str
        Its fields, also those of columns that nobody reads.
    width : int
        Fields of the header.

    Returns
    -------
    Refused or None
        `field_count` or `value_too_long`.
    """
    if len(record) != width:
        return Refused("field_count", f"{len(record)} fields where the header has {width}; mind commas outside quotes.")
    longest = max(map(len, record))
    if longest > MAX_FIELD_CHARS:
        detail = (
            f"A field has {longest} characters; at most {MAX_FIELD_CHARS} are read. Shorten it, or mend the quoting."
        )
        return Refused("value_too_long", detail)
    return None


def listed_text(text: str) -> str:
    """Return as much of a field as the list of refused rows shows."""
    return text if len(text) <= MAX_FIELD_CHARS else f"{text[:LISTED_CHARS]}…"


def scan_file(path: Path) -> tuple[str, int]:
    """Check that a file is UTF-8 text and hash it.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    sha256 : str
        Hexadecimal SHA-256 of its bytes.
    lines : int
        Number of line feeds, a bound on its rows that serves a progress bar.

    Raises
    ------
    UnusableFileError
        If the file cannot be opened, is empty or is not UTF-8.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    sha256 = hashlib.sha256()
    lines = position = 0
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                sha256.update(block)
                if position == 0 and block.startswith(_UTF_16):
                    text = gettext_noop(
                        "%(path)s: the file is UTF-16. Save it as UTF-8 (“CSV UTF-8”) and import it again."
                    )
                    raise UnusableFileError(sentence(text, path=str(path)))
                if b"\0" in block:
                    text = gettext_noop("%(path)s: byte %(byte)d is zero; this is no CSV text file.")
                    raise UnusableFileError(sentence(text, path=str(path), byte=position + block.index(0)))
                decoder.decode(block)
                lines += block.count(b"\n")
                position += len(block)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        line = lines + error.object.count(b"\n", 0, error.start) + 1
        text = gettext_noop(
            "%(path)s: line %(line)d is not UTF-8 (%(reason)s). Save the file as UTF-8 and import it again."
        )
        raise UnusableFileError(sentence(text, path=str(path), line=line, reason=error.reason)) from error
    except OSError as error:
        text = gettext_noop("%(path)s: %(reason)s. Mend the path, or let the file be read.")
        raise UnusableFileError(sentence(text, path=str(path), reason=str(error.strerror))) from error
    if position == 0:
        text = gettext_noop("%(path)s: the file is empty; its first line must name the columns.")
        raise UnusableFileError(sentence(text, path=str(path)))
    return sha256.hexdigest(), lines


def read_rows(path: Path, *, required: Sequence[str], optional: Sequence[str]) -> Iterator[Row | tuple[Row, Refused]]:
    """Read a CSV file row by row.

    Parameters
    ----------
    path : Path
        UTF-8, comma-separated, with a header; a byte-order mark is allowed.
    required, optional : sequence of str
        Columns to read. Others are ignored.

    Yields
    ------
    Row or (Row, Refused)
        A row, or a row with the reason why it has no usable fields.

    Raises
    ------
    UnusableFileError
        If a required column is missing or a column is named twice, or quoting makes the rest unreadable.
    """
    csv.field_size_limit(MAX_READ_CHARS)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            header = [name.strip() for name in next(reader, [])]
            _check_header(path, header, required, optional)
            wanted = [*required, *optional]
            places = {name: header.index(name) for name in wanted if name in header}
            line = reader.line_num + 1
            for record in reader:
                start, line = line, reader.line_num + 1
                if not record:
                    continue
                refused = record_refusal(record, len(header))
                if refused:
                    values = dict(zip(header, map(listed_text, record), strict=False))
                    yield Row(start, {name: values.get(name, "").strip() for name in wanted}), refused
                    continue
                yield Row(start, {name: record[places[name]].strip() if name in places else "" for name in wanted})
        except csv.Error as error:
            text = gettext_noop("%(path)s: line %(line)d: %(reason)s. Mend the quoting and import the file again.")
            raise UnusableFileError(sentence(text, path=str(path), line=reader.line_num, reason=str(error))) from error


def look_at_header(path: Path, *, required: Sequence[str]) -> None:
    """Read the header alone, before the file's turn has come.

    Parameters
    ----------
    path : Path
        As for `read_rows`.
    required : sequence of str
        Columns that must be there.

    Raises
    ------
    UnusableFileError
        As `read_rows`. What is no text, or no CSV in its first line, is told when the whole file is read.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            header = [name.strip() for name in next(csv.reader(file, strict=True), [])]
        except (UnicodeDecodeError, csv.Error):
            return
    _check_header(path, header, required, ())


def _check_header(path: Path, header: list[str], required: Sequence[str], optional: Sequence[str]) -> None:
    doubled = sorted(name for name, count in Counter(header).items() if count > 1)
    if doubled:
        text = gettext_noop("%(path)s: line 1: the column %(column)s stands there twice. Remove one.")
        raise UnusableFileError(sentence(text, path=str(path), column=repr(doubled[0])))
    missing = [name for name in required if name not in header]
    if missing:
        text = gettext_noop("%(path)s: line 1: the column %(column)s is missing. Needed: %(needed)s.")
        if optional:
            text = gettext_noop(
                "%(path)s: line 1: the column %(column)s is missing. Needed: %(needed)s; also read: %(read)s."
            )
        values = {"path": str(path), "column": repr(missing[0]), "needed": ", ".join(required)}
        said = Sentence(text, {**values, "read": ", ".join(optional)})
        hint = header_hint(header, missing[0])
        raise UnusableFileError(said, *((" ", hint) if hint else ()))


def header_hint(header: Sequence[str], missing: str) -> Sentence | None:
    """Guess why a header lacks a column: another separator, other letters, no header at all.

    Parameters
    ----------
    header : sequence of str
        The fields of line 1.
    missing : str
        The column that is not among them.

    Returns
    -------
    Sentence or None
        To append; None if there is no guess.
    """
    if not any(header):
        return sentence(gettext_noop("Line 1 is empty."))
    separated = next((text for sign, text in _OTHER_SEPARATORS.items() if len(header) == 1 and sign in header[0]), "")
    if separated:
        return sentence(separated)
    alike = next((name for name in header if name.strip().lower() == missing), "")
    text = gettext_noop("There is a column %(found)s; write %(wanted)s.")
    return sentence(text, found=repr(alike), wanted=repr(missing)) if alike else None
