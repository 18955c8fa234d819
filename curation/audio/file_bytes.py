"""Opening a file nobody vouches for, and reading its bytes at given places.

Opening never waits (a FIFO without a writer would hang for ever) and takes regular files only; a link is
followed, since some archives keep their recordings behind links (who may point where is for the importer
to decide, who knows the audio root).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from curation.audio.errors import AudioRefusedError


@dataclass(frozen=True)
class FileIdentity:
    """What changes when a file is replaced or written to."""

    device: int
    inode: int
    size: int
    modified_ns: int

    @classmethod
    def of(cls, descriptor: int) -> FileIdentity:
        """Return the identity of an open file."""
        status = os.fstat(descriptor)
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


@contextmanager
def open_regular(path: Path) -> Iterator[int]:
    """Open a regular, non-empty file for reading.

    Parameters
    ----------
    path : Path
        The file; links are followed.

    Yields
    ------
    int
        Its descriptor, closed afterwards.

    Raises
    ------
    AudioRefusedError
        ``not_found``, ``unreadable``, ``not_a_file`` or ``empty_file``.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise AudioRefusedError("not_found", f"{path} does not exist; check its name and folder.") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        detail = f"{path} cannot be opened: {reason}. Check its permissions."
        raise AudioRefusedError("unreadable", detail) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            detail = f"{path} is a folder, pipe, socket or device; name a file that holds one recording."
            raise AudioRefusedError("not_a_file", detail)
        if status.st_size == 0:
            raise AudioRefusedError("empty_file", f"{path.name} has 0 bytes; copy or record it again.")
        yield descriptor
    finally:
        os.close(descriptor)


class FileBytes:
    """Bytes of an open file by offset; never moves its position, never reads more than asked."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.size = os.fstat(descriptor).st_size

    def at(self, offset: int, count: int) -> bytes:
        """Return `count` bytes from `offset`.

        Raises
        ------
        AudioRefusedError
            ``truncated`` if the file ends before; ``unreadable`` if the disk fails.
        """
        try:
            data = os.pread(self._descriptor, count, offset)
        except OSError as error:
            detail = f"reading failed at byte {offset}: {error.strerror}. Copy the file again."
            raise AudioRefusedError("unreadable", detail) from error
        if len(data) < count:
            detail = f"the file ends at byte {self.size}, inside its header at byte {offset}. Copy or record it again."
            raise AudioRefusedError("truncated", detail)
        return data

    def head(self, count: int) -> bytes:
        """Return the first bytes, at most `count`."""
        return os.pread(self._descriptor, count, 0)
