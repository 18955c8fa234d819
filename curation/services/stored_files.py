"""Files in Django's storages, written whole or not at all.

On a local disk a file is written beside its place and renamed into it; an object store shows an object only
when all of it has come. Keys are made by the server, never from a name that somebody sent.
"""

from __future__ import annotations

import ctypes
import io
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

from django.core.files.base import File
from django.core.files.storage import FileSystemStorage, Storage

BLOCK_BYTES = 1 << 20
ABANDONED_S = 86_400.0  # no file takes a day to copy
_SYNC_OF_ONE_DISK = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)  # Linux; `os` has no name for it


def folder_of(storage: Storage) -> Path | None:
    """Return the folder of a local storage, None for an object store."""
    return Path(storage.location) if isinstance(storage, FileSystemStorage) else None


@contextmanager
def incoming_file(storage: Storage) -> Iterator[tuple[int, Path]]:
    """Open a temporary file from which `keep_incoming` can put a key in place; it is removed if nobody does.

    Parameters
    ----------
    storage : Storage
        Where the file will go.

    Yields
    ------
    (int, Path)
        Its descriptor, open for writing, and its place.
    """
    folder = folder_of(storage)
    incoming = None if folder is None else folder / "incoming"
    if incoming is not None:
        incoming.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(incoming)
    descriptor, name = tempfile.mkstemp(prefix="part-", dir=incoming)
    try:
        yield descriptor, Path(name)
    finally:
        os.close(descriptor)
        Path(name).unlink(missing_ok=True)


@lru_cache(maxsize=8)
def _remove_abandoned(folder: Path) -> None:
    """Remove, once per process, what a process that was killed left half-written long ago."""
    for part in folder.glob("part-*"):
        with suppress(FileNotFoundError):  # another process is quicker
            if time.time() - part.stat().st_mtime > ABANDONED_S:
                part.unlink()


def keep_incoming(storage: Storage, key: str, descriptor: int, path: Path) -> None:
    """Put a completely written temporary file in its place, over an older one.

    Parameters
    ----------
    storage : Storage
        Where the file goes.
    key : str
        Its name there.
    descriptor, path
        As `incoming_file` gave them.
    """
    if not isinstance(storage, FileSystemStorage):
        with path.open("rb") as file:
            storage.save(key, File(file))
        return
    if storage.file_permissions_mode is not None:
        os.fchmod(descriptor, storage.file_permissions_mode)
    target = Path(storage.path(key))
    try:
        path.rename(target)
    except FileNotFoundError:
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)


def make_durable(storage: Storage) -> None:
    """Wait until all that was written to a local storage, by any process, survives a power cut.

    Call it once for many files, before the transaction that names them: to sync each file by itself costs as
    much as reading and writing it. An object store has kept what it has acknowledged.

    Parameters
    ----------
    storage : Storage
        Where files were written.

    Raises
    ------
    OSError
        If the disk could not keep them.
    """
    folder = folder_of(storage)
    if folder is None or not folder.is_dir():
        return
    if _SYNC_OF_ONE_DISK is None:
        os.sync()
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if _SYNC_OF_ONE_DISK(descriptor):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(folder))
    finally:
        os.close(descriptor)


def write_file(storage: Storage, key: str, parts: Sequence[bytes | memoryview]) -> None:
    """Write a file from pieces of memory.

    Parameters
    ----------
    storage : Storage
        Where the file goes.
    key : str
        Its name there.
    parts : sequence of bytes or memoryview
        What it holds, in order.
    """
    if folder_of(storage) is None:
        storage.save(key, File(io.BytesIO(b"".join(parts))))
        return
    with incoming_file(storage) as (descriptor, path):
        for part in parts:
            write_all(descriptor, part)
        keep_incoming(storage, key, descriptor, path)


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    """Write every byte; the kernel may take a large piece in several gulps."""
    rest = memoryview(data).cast("B")
    while len(rest):
        rest = rest[os.write(descriptor, rest) :]


@contextmanager
def local_file(storage: Storage, key: str) -> Iterator[Path]:
    """Give a stored file a path: its own on a local disk, that of a temporary copy otherwise.

    Parameters
    ----------
    storage : Storage
        Where the file is.
    key : str
        Its name there.

    Yields
    ------
    Path
        A file to read and not to touch.

    Raises
    ------
    FileNotFoundError
        If the storage does not have it.
    """
    if isinstance(storage, FileSystemStorage):
        path = Path(storage.path(key))
        if not path.is_file():
            message = f"{key} is not in the storage."
            raise FileNotFoundError(message)
        yield path
        return
    with tempfile.NamedTemporaryFile(prefix="earmark-") as copy, storage.open(key, "rb") as file:
        while block := file.read(BLOCK_BYTES):
            copy.write(block)
        copy.flush()
        yield Path(copy.name)


def read_file(storage: Storage, key: str) -> bytes:
    """Return a stored file's bytes.

    Raises
    ------
    FileNotFoundError
        If the storage does not have it.
    """
    with storage.open(key, "rb") as file:
        data: bytes = file.read()
    return data


def stored_size(storage: Storage, key: str) -> int | None:
    """Return a stored file's size in bytes, None if there is none."""
    if isinstance(storage, FileSystemStorage):
        try:
            return Path(storage.path(key)).stat().st_size
        except FileNotFoundError:
            return None
    return storage.size(key) if storage.exists(key) else None
