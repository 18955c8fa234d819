"""Reading a split manifest of any length, in blocks of columns.

The same checks as `curation.services.row_import.read_rows` (UTF-8, header, field counts, quoting, line
numbers), about ten times as fast: a block in which every line has exactly the header's number of commas,
and nothing is quoted or empty, is taken apart column by column; any other block goes through the `csv`
module row by row. A test holds the two readings against each other.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from curation.services.csv_rows import MAX_FIELD_CHARS, MAX_READ_CHARS, listed_text, record_refusal
from curation.services.row_import import Refused, Row, UnusableFileError, header_hint

COLUMNS = ("clip", "category", "participant")
BLOCK_BYTES = 4 << 20
MAX_LINE_BYTES = 4 * MAX_READ_CHARS + (1 << 20)  # the longest field that is read, and its row
_COMMA, _LINE_FEED = b",\n"


@dataclass
class Block:
    """Some rows of a manifest, by column.

    Attributes
    ----------
    lines : list of int or range
        Line on which each row starts, the header being line 1; ascending.
    clips, categories, participants : list of str
        Stripped, never empty; as long as `lines`.
    refused : list of (Row, Refused)
        Rows without usable fields, ascending by line.
    next_line : int
        First line behind the block.
    end_byte : int
        How many bytes of the file were read.
    is_plain : bool
        Whether no field needs quoting.
    """

    lines: list[int] | range
    clips: list[str]
    categories: list[str]
    participants: list[str]
    next_line: int
    end_byte: int
    is_plain: bool
    refused: list[tuple[Row, Refused]] = field(default_factory=list)


def read_blocks(path: Path) -> Iterator[Block]:
    """Read a manifest block by block.

    Parameters
    ----------
    path : Path
        UTF-8, comma-separated, with a header that names at least `COLUMNS`; a byte-order mark is allowed.

    Yields
    ------
    Block
        Rows in the order of the file.

    Raises
    ------
    UnusableFileError
        If the file cannot be read, is not UTF-8 CSV, or its header lacks or doubles a column.
    """
    try:
        if not path.is_file():
            message = f"{path}: there is no such file. Check the path."
            raise UnusableFileError(message)
        with path.open("rb") as file:
            yield from _Reader(path, file).blocks()
    except OSError as error:
        message = f"{path}: {error.strerror}. Mend the path, or let the file be read."
        raise UnusableFileError(message) from error


class _Reader:
    """One pass over one file."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        self._file = file
        self._line = 1  # of the next byte to read

    def blocks(self) -> Iterator[Block]:
        csv.field_size_limit(MAX_READ_CHARS)
        self._skip_byte_order_mark()
        header_text = self._read_line()
        if not header_text:
            message = f"{self._path}: the file is empty; its first line must name the columns."
            raise UnusableFileError(message)
        records = self._records(header_text)
        header = [name.strip() for name in next(records)[1]]
        self._check_header(header)
        width, places = len(header), [header.index(name) for name in COLUMNS]
        yield self._quoted_block(records, width, places)  # lines that end in a lone carriage return
        while data := self._file.read(BLOCK_BYTES):
            data += self._rest_of_line(data)
            yield self._plain_block(data, width, places) or self._quoted_block(
                self._records(self._text(data)), width, places
            )

    def _skip_byte_order_mark(self) -> None:
        if self._file.read(len(codecs.BOM_UTF8)) != codecs.BOM_UTF8:
            self._file.seek(0)

    def _rest_of_line(self, data: bytes) -> bytes:
        if data.endswith(b"\n"):
            return b""
        rest = self._file.readline(MAX_LINE_BYTES)
        if len(rest) == MAX_LINE_BYTES and not rest.endswith(b"\n"):
            message = (
                f"{self._path}: after line {self._line + data.count(10)} no line ends within {MAX_LINE_BYTES} bytes; "
                "this is no CSV text file."
            )
            raise UnusableFileError(message)
        return rest

    def _read_line(self) -> str:
        return self._text(self._rest_of_line(b""))

    def _text(self, data: bytes) -> str:
        if b"\0" in data:
            line = self._line + data.count(b"\n", 0, data.index(0))
            message = f"{self._path}: line {line} has a zero byte; this is no CSV text file."
            raise UnusableFileError(message)
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            line = self._line + data.count(b"\n", 0, error.start)
            message = (
                f"{self._path}: line {line} is not UTF-8 ({error.reason}). Save the file as UTF-8 and split it again."
            )
            raise UnusableFileError(message) from error

    def _check_header(self, header: list[str]) -> None:
        for name in COLUMNS:
            if header.count(name) != 1:
                found = "is missing" if name not in header else "stands there twice"
                message = f"{self._path}: line 1: the column {name!r} {found}. Needed: {', '.join(COLUMNS)}, each once."
                hint = header_hint(header, name)
                raise UnusableFileError(message, *((" ", hint) if hint else ()))
        doubled = sorted({name for name in header if header.count(name) > 1})
        if doubled:
            message = f"{self._path}: line 1: the column {doubled[0]!r} stands there twice. Remove one."
            raise UnusableFileError(message)

    def _plain_block(self, data: bytes, width: int, places: list[int]) -> Block | None:
        """Take a block apart by its commas and line feeds, if that is all it has."""
        if b'"' in data:
            return None
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n")
            if b"\r" in data:
                return None
        if not data.endswith(b"\n"):
            data += b"\n"
        characters = np.frombuffer(data, dtype=np.uint8)
        places_of_ends = np.flatnonzero((characters == _COMMA) | (characters == _LINE_FEED))
        if places_of_ends.size % width or np.diff(places_of_ends, prepend=-1).max(initial=0) > MAX_FIELD_CHARS:
            return None
        by_row = characters[places_of_ends].reshape(-1, width)
        if not (by_row[:, -1] == _LINE_FEED).all() or (by_row[:, :-1] == _LINE_FEED).any():
            return None
        fields = self._text(data).replace("\n", ",").split(",")
        fields.pop()  # behind the last line feed
        clips, categories, participants = (list(map(str.strip, fields[place::width])) for place in places)
        if "" in clips or "" in categories or "" in participants:
            return None
        first, self._line = self._line, self._line + len(by_row)
        return Block(
            range(first, self._line), clips, categories, participants, self._line, self._file.tell(), is_plain=True
        )

    def _quoted_block(self, records: Iterator[tuple[int, list[str]]], width: int, places: list[int]) -> Block:
        """Check records one by one."""
        block = Block([], [], [], [], self._line, 0, is_plain=False)
        lines: list[int] = []
        for line, record in records:
            if not record:
                continue
            values = [record[place].strip() if place < len(record) else "" for place in places]
            refused = record_refusal(record, width) or _empty_field(values)
            if refused:
                listed = [listed_text(record[place]).strip() if place < len(record) else "" for place in places]
                block.refused.append((Row(line, dict(zip(COLUMNS, listed, strict=True))), refused))
                continue
            lines.append(line)
            block.clips.append(values[0])
            block.categories.append(values[1])
            block.participants.append(values[2])
        block.lines, block.next_line, block.end_byte = lines, self._line, self._file.tell()
        return block

    def _records(self, text: str) -> Iterator[tuple[int, list[str]]]:
        """Yield the records of a text and their lines; a quoted line feed may need lines of the file behind it."""
        left = len(text)

        def lines() -> Iterator[str]:
            nonlocal left
            more = text
            while more:
                for line in io.StringIO(more, newline=""):
                    left -= len(line)
                    yield line
                more = self._read_line()
                left += len(more)

        reader = csv.reader(lines(), strict=True)
        base = self._line
        while left > 0:
            line = self._line
            try:
                record = next(reader)
            except csv.Error as error:
                message = (
                    f"{self._path}: line {base + reader.line_num - 1}: {error}. Mend the quoting and split it again."
                )
                raise UnusableFileError(message) from error
            except StopIteration:
                return
            self._line = base + reader.line_num
            yield line, record


def _empty_field(values: list[str]) -> Refused | None:
    column = next((column for column, value in zip(COLUMNS, values, strict=True) if not value), "")
    return Refused("empty_field", f"{column} is empty; each row needs one.") if column else None
