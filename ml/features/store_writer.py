"""The one process that may write into a feature store.

Data are written before the index line that speaks of them, both behind the last whole entry, so that whatever a crash
leaves there is overwritten by the next writer. A write that fails, for instance for want of space, is taken back.
Syncing after each clip would cost more than computing its features: a line in the index says up to where everything is
known to be on the disk (see `ml.features.store_index`).
"""

from __future__ import annotations

import fcntl
import os
import weakref
import zlib
from pathlib import Path

from ml.features.store_index import SYNCED_LINE, Entry, Index

_ADDS_PER_SYNC = 256  # after a power failure so many entries have to be checked, or are lost, at most


class StoreLockedError(RuntimeError):
    """Another process, or another store object of this one, is writing into the folder."""


class StoreWriter:
    """Holds the lock of a folder and appends to its two files.

    Parameters
    ----------
    folder : Path
        Folder of the store, which must exist.
    data_path, index_path : Path
        The two files; they are made if they do not exist.

    Raises
    ------
    StoreLockedError
        If the folder has a writer.
    """

    def __init__(self, folder: Path, data_path: Path, index_path: Path) -> None:
        self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._lock, 32, 0).decode(errors="replace").strip()
            os.close(self._lock)
            message = f"{folder} is being written by process {holder}: expected one writer at a time."
            raise StoreLockedError(message) from None
        os.ftruncate(self._lock, 0)
        _write_all(self._lock, f"{os.getpid()}\n".encode(), 0)
        self._data, self._index = (
            os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644) for path in (data_path, index_path)
        )
        self._release = weakref.finalize(self, _close_all, (self._data, self._index, self._lock))
        self._adds = 0

    def cut_to(self, index: Index) -> None:
        """Cut off what a crash or a failed write left behind the last whole entry.

        Parameters
        ----------
        index : Index
            What is whole.
        """
        os.ftruncate(self._index, index.index_end)
        os.ftruncate(self._data, index.data_end)

    def append(self, key: str, shape: tuple[int, ...], payload: bytes, index: Index) -> None:
        """Write one clip's features and enter them into the index.

        Parameters
        ----------
        key : str
            Content hash, not in the index.
        shape : tuple of int
            Channels, frames, bands.
        payload : bytes
            The numbers.
        index : Index
            What is whole; it has the entry afterwards.
        """
        entry = Entry(key=key, offset=index.data_end, shape=shape, crc32=zlib.crc32(payload))
        line = entry.line()
        try:
            _write_all(self._data, payload, index.data_end)
            _write_all(self._index, line, index.index_end)
        except BaseException:
            self.cut_to(index)
            raise
        index.entries[key] = entry
        index.data_end += len(payload)
        index.index_end += len(line)
        self._adds += 1
        if self._adds % _ADDS_PER_SYNC == 0:
            self._sync(index)

    def close(self, index: Index) -> None:
        """Put everything on the disk and give the lock back.

        Parameters
        ----------
        index : Index
            What is whole.
        """
        try:
            self._sync(index)
        finally:
            self._release()

    def _sync(self, index: Index) -> None:
        os.fsync(self._data)
        _write_all(self._index, SYNCED_LINE, index.index_end)
        os.fsync(self._index)
        index.index_end += len(SYNCED_LINE)


def _write_all(file: int, content: bytes, offset: int) -> None:
    view = memoryview(content)
    while view:
        written = os.pwrite(file, view, offset)
        view, offset = view[written:], offset + written


def _close_all(files: tuple[int, ...]) -> None:
    for file in files:
        os.close(file)
