"""Writing an export so that it is either whole or not there, and the same bytes every time.

An archive is a ZIP file or a folder. Both are written beside their final name and moved there when
complete; a failure, a full disk or an interruption leaves what was there before. ZIP entries are stored,
not compressed (deflated bytes differ between zlib builds), with a fixed date and fixed permissions, so
that equal content in equal order is an equal file.

Publishing has three steps, since a release is frozen in a transaction that no slow disk may hold up: `seal` waits for
the disk, `place` only renames and can be undone, `settle` removes what stood there.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, Self

from curation.exports.errors import ExportError
from curation.exports.safe_path import safe_path

CHECKSUMS = "checksums.sha256"
BLOCK_BYTES = 1 << 20
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that the format knows
_FILE_MODE = 0o100644


@dataclass(frozen=True)
class ExportedFile:
    """One file of an export.

    Attributes
    ----------
    path : str
        Relative, with forward slashes.
    bytes : int
        Length.
    sha256 : str
        Hexadecimal.
    """

    path: str
    bytes: int
    sha256: str


class Archive(ABC):
    """Where the files of an export go; use as a context manager, then `publish`, or `seal`, `place` and `settle`.

    Leaving the context before `settle` removes everything that was written and leaves what was there before.
    """

    def __init__(self, target: Path) -> None:
        self.target = target.absolute()
        self.files: list[ExportedFile] = []
        self._names: set[str] = set()
        self._partial = self.target.parent / f".{self.target.name}.partial"
        self._earlier = self.target.parent / f".{self.target.name}.replaced"
        self._placing = False
        self._lock: IO[str] | None = None

    def add(self, path: str, blocks: Iterable[bytes], *, size: int | None = None) -> ExportedFile:
        """Write one file.

        Parameters
        ----------
        path : str
            Relative, with forward slashes, new to this export in any spelling of its case.
        blocks : iterable of bytes
            The content, written as it comes.
        size : int, optional
            Its length in bytes where known beforehand; the content must then have it.

        Returns
        -------
        ExportedFile
            With its digest.

        Raises
        ------
        ExportError
            If the name is taken or unsafe, or the content has another length.
        """
        folded = safe_path(path).casefold()
        if folded in self._names:
            message = f"Two files of the export would be {path!r} (upper and lower case are one on some systems)."
            raise ExportError(message)
        self._names.add(folded)
        digest, written = hashlib.sha256(), 0
        with self._create(path, size or 0) as file:
            for block in blocks:
                file.write(block)
                digest.update(block)
                written += len(block)
        if size is not None and written != size:
            message = f"{path}: {written} bytes came where {size} were expected; the stored audio is damaged."
            raise ExportError(message)
        added = ExportedFile(path, written, digest.hexdigest())
        self.files.append(added)
        return added

    def add_checksums(self) -> None:
        """Write `checksums.sha256`, in the form that ``sha256sum --check`` reads."""
        lines = [f"{file.sha256}  {file.path}\n" for file in sorted(self.files, key=lambda file: file.path)]
        self.add(CHECKSUMS, ["".join(lines).encode()])

    def __enter__(self) -> Self:
        if not self.target.parent.is_dir():
            message = f"The folder {self.target.parent} does not exist. Make it and export again."
            raise ExportError(message)
        try:
            self._lock = _locked(self.target.parent / f".{self.target.name}.lock")
            self._recover()
            self._begin()
        except BlockingIOError as error:
            message = f"Another export to {self.target} is running. Wait for it, or choose another name."
            raise ExportError(message) from error
        except OSError as error:
            self._unlock()
            raise _explained(error, self.target) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._abandon()
            self._take_back()
            self._discard()
        finally:
            self._unlock()
        if isinstance(error, OSError):
            raise _explained(error, self.target) from error

    def _unlock(self) -> None:
        if self._lock:
            Path(self._lock.name).unlink(missing_ok=True)
            self._lock.close()

    def publish(self) -> None:
        """Put the complete export in place, replacing an earlier one."""
        self.seal()
        self.place()
        self.settle()

    @abstractmethod
    def seal(self) -> None:
        """Close the complete export and make it durable; it takes no more files."""

    def place(self) -> None:
        """Move the sealed export to its name; an earlier one stands under a hidden name until `settle`."""
        self._placing = True
        if self.target.exists():
            self._set_aside()
        self._partial.replace(self.target)

    def settle(self) -> None:
        """Let the export stay in place: make its name durable and remove the earlier one."""
        self._placing = False
        _sync_folder(self.target.parent)
        _remove(self._earlier)

    def _take_back(self) -> None:
        """Undo a `place` that was not settled, however far it came."""
        if not self._placing:
            return
        if self.target.exists() and not self._partial.exists():
            self.target.rename(self._partial)
        self._put_back()

    def _recover(self) -> None:
        """Clear away what a killed run left."""
        self._discard()
        self._put_back()

    def _put_back(self) -> None:
        """Let the earlier export stand at its name again if nothing does; remove its hidden name."""
        if self._earlier.exists() and not self.target.exists():
            self._earlier.rename(self.target)
        _remove(self._earlier)

    @abstractmethod
    def _set_aside(self) -> None:
        """Keep the earlier export under its hidden name."""

    @abstractmethod
    def _begin(self) -> None: ...

    @abstractmethod
    def _create(self, path: str, size: int) -> IO[bytes]: ...

    @abstractmethod
    def _abandon(self) -> None:
        """Close what is open."""

    @abstractmethod
    def _discard(self) -> None:
        """Remove what is partly written."""


class ZipArchive(Archive):
    """A ZIP file; past 4 GiB or 65,535 files it is a ZIP64 file."""

    def _begin(self) -> None:
        self._zip = zipfile.ZipFile(self._partial, "x", zipfile.ZIP_STORED, allowZip64=True)

    def _create(self, path: str, size: int) -> IO[bytes]:
        info = zipfile.ZipInfo(path, _ZIP_DATE)
        info.create_system = 3  # Unix, so that the permissions count
        info.external_attr = _FILE_MODE << 16
        info.file_size = size  # decides whether this entry needs ZIP64
        return self._zip.open(info, "w")

    def seal(self) -> None:
        """Close and make durable."""
        self._zip.close()
        with self._partial.open("rb") as file:
            os.fsync(file.fileno())

    def _set_aside(self) -> None:
        """Give it a second name, so that at no moment nothing stands at the first."""
        try:
            self._earlier.hardlink_to(self.target)
        except OSError:  # not every file system has links
            self.target.rename(self._earlier)

    def _abandon(self) -> None:
        file, self._zip.fp = self._zip.fp, None  # closing the archive itself would write its directory
        if file is not None:
            with suppress(OSError):  # a full disk fails once more when buffers are flushed
                file.close()

    def _discard(self) -> None:
        self._partial.unlink(missing_ok=True)


class FolderArchive(Archive):
    """A folder; written as a sibling and renamed."""

    def _begin(self) -> None:
        self._partial.mkdir()

    def _create(self, path: str, size: int) -> IO[bytes]:  # noqa: ARG002 -- a ZIP entry needs it
        place = self._partial.joinpath(*PurePosixPath(path).parts)
        place.parent.mkdir(parents=True, exist_ok=True)
        return place.open("xb")

    def seal(self) -> None:
        """Make durable."""
        os.sync()

    def _set_aside(self) -> None:
        """Rename it: no folder can be renamed over another that holds files."""
        self.target.rename(self._earlier)

    def _abandon(self) -> None:
        """Every file was closed where it was written."""

    def _discard(self) -> None:
        if self._partial.exists():
            shutil.rmtree(self._partial)


def _locked(path: Path) -> IO[str]:
    """Open and lock a file that its last holder may be removing at this moment.

    Raises
    ------
    BlockingIOError
        If another process holds it.
    """
    while True:
        file = path.open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        except BaseException:
            file.close()
            raise
        file.close()


def _explained(error: OSError, target: Path) -> ExportError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return ExportError(f"No space left for {target}. Free some and export again; nothing was left behind.")
    place = error.filename or target
    return ExportError(f"{place}: {error.strerror or error}. The export {target} was not written.")


def _remove(path: Path) -> None:
    """Remove a file or a folder as far as that can be done."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def archive_for(target: Path) -> Archive:
    """Return a ZIP file for a name that ends in ``.zip``, a folder for any other."""
    return ZipArchive(target) if target.suffix.lower() == ".zip" else FolderArchive(target)
