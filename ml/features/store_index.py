"""The index of a feature store: which clip's features stand where in the data file.

The index is a text file to which lines of JSON are only ever added. An entry says key, offset, shape and the checksum
of the bytes. A line `{"synced": true}` says that the operating system has put everything before it on the disk.

A writer may be killed, or the power may fail, at any moment. Reading therefore trusts the longest beginning that is
whole: it stops at a line that is torn or no JSON, at an entry that does not follow on the one before it, that the data
file is too short for, or, after the last synced line, whose checksum the data do not have (after a loss of power the
index may have reached the disk before the data). What follows is as if it had never been written.
"""

from __future__ import annotations

import json
import math
import zlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

SYNCED_LINE = b'{"synced": true}\n'


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One clip's features.

    Attributes
    ----------
    key : str
        Content hash.
    offset : int
        First byte in the data file.
    shape : tuple of int
        Channels, frames, bands.
    crc32 : int
        Checksum of the bytes.
    """

    key: str
    offset: int
    shape: tuple[int, ...]
    crc32: int

    def n_bytes(self, itemsize: int) -> int:
        """Count the bytes of the features.

        Parameters
        ----------
        itemsize : int
            Bytes of a number.

        Returns
        -------
        int
            Bytes in the data file.
        """
        return math.prod(self.shape) * itemsize

    def line(self) -> bytes:
        """Write the entry as the index has it.

        Returns
        -------
        bytes
            One line with its end.
        """
        return json.dumps(asdict(self)).encode() + b"\n"


@dataclass(kw_only=True)
class Index:
    """The whole beginning of an index.

    Attributes
    ----------
    entries : dict of str to Entry
        By key, in the order of the data file.
    index_end, data_end : int
        Bytes of the two files that the entries take; what is behind is left over from a crash.
    """

    entries: dict[str, Entry] = field(default_factory=dict)
    index_end: int = 0
    data_end: int = 0


def read_index(index_path: Path, data_path: Path, *, itemsize: int) -> Index:
    """Read what is whole of an index.

    Parameters
    ----------
    index_path, data_path : Path
        The two files; they need not exist.
    itemsize : int
        Bytes of a number in the data file.

    Returns
    -------
    Index
        Entries up to the first that is not whole.
    """
    index = Index()
    if not index_path.exists() or not data_path.exists():
        return index
    lines = index_path.read_bytes().split(b"\n")[:-1]  # what stands behind the last line's end is torn
    synced = max((place for place, line in enumerate(lines) if line + b"\n" == SYNCED_LINE), default=-1)
    with data_path.open("rb") as data:
        data_size = data.seek(0, 2)
        for place, line in enumerate(lines):
            if line + b"\n" != SYNCED_LINE:
                entry = _parsed(line)
                if entry is None or entry.offset != index.data_end:
                    break
                end = entry.offset + entry.n_bytes(itemsize)
                if end > data_size:
                    break
                if place > synced:
                    data.seek(entry.offset)
                    if zlib.crc32(data.read(end - entry.offset)) != entry.crc32:
                        break
                index.entries[entry.key] = entry
                index.data_end = end
            index.index_end += len(line) + 1
    return index


def _parsed(line: bytes) -> Entry | None:
    try:
        row: dict[str, Any] = json.loads(line)
        return Entry(
            key=str(row["key"]),
            offset=int(row["offset"]),
            shape=tuple(int(size) for size in row["shape"]),
            crc32=int(row["crc32"]),
        )
    except (ValueError, KeyError, TypeError):  # json's and Unicode's errors are ValueErrors
        return None
