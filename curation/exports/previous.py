"""Looking at what stands where an export is to go: an earlier export may be replaced, nothing else may."""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from curation.domain.progress import Progress, no_progress
from curation.exports.archive import BLOCK_BYTES, CHECKSUMS
from curation.exports.contents import MARKER, POLICY, ExportContents
from curation.exports.errors import ExportError

# What reading a damaged file raises: the ZIP format's own, a broken compressed stream, a short file, encryption.
_UNREADABLE = (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class PreviousExport:
    """An earlier export: the length of each of its files by path, and the digest that it lists."""

    target: Path
    sizes: dict[str, int]
    digests: dict[str, str]

    def holds(
        self,
        contents: ExportContents,
        frozen: Mapping[str, str] | None = None,
        *,
        progress: Progress = no_progress,
    ) -> bool:
        """Return whether this export is what `contents` would give.

        Parameters
        ----------
        contents : ExportContents
            What would be written now.
        frozen : mapping of str to str, optional
            Digest by path of the release that this is to be. Every byte is read then. Without it the documents
            are read, and audio is compared by name and length: stored audio never changes under its key.
        progress : Progress
            Told the files read.

        Returns
        -------
        bool
            False too where a file cannot be read.
        """
        documents = {name: document.sha256 for name, document in contents.documents.items()}
        audio = {file.path: file.bytes for file in contents.audio}
        return (
            self.digests.keys() == documents.keys() | audio.keys()
            and all(self.digests[name] == sha256 for name, sha256 in documents.items())
            and all(self.sizes.get(name) == document.bytes for name, document in contents.documents.items())
            and all(self.sizes.get(path) == size for path, size in audio.items())
            and self._bytes_are(documents if frozen is None else frozen, progress)
        )

    def _bytes_are(self, expected: Mapping[str, str], progress: Progress) -> bool:
        """Read the files and compare their digests."""
        try:
            with zipfile.ZipFile(self.target) if self.target.is_file() else nullcontext() as archive:
                open_file: Callable[[str], IO[bytes]] = archive.open if archive else self._open
                for done, (path, sha256) in enumerate(expected.items(), start=1):
                    with open_file(path) as file:
                        if _sha256(file) != sha256:
                            return False
                    progress(done, len(expected))
        except _UNREADABLE:
            return False
        return True

    def _open(self, path: str) -> IO[bytes]:
        return (self.target / path).open("rb")


def _sha256(file: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while block := file.read(BLOCK_BYTES):
        digest.update(block)
    return digest.hexdigest()


def previous_export(target: Path, slug: str, version: str = "") -> PreviousExport | None:
    """Read the export that stands at `target`.

    Parameters
    ----------
    target : Path
        A ZIP file or a folder, which may be missing or an empty folder.
    slug : str
        The dataset that is to be exported.
    version : str
        The release that is to be written; empty for an export that is none.

    Returns
    -------
    PreviousExport or None
        None where nothing stands.

    Raises
    ------
    ExportError
        If something stands there that is not an export of this dataset, is another release of it, or holds files of
        somebody else.
    """
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return None
    try:
        texts, sizes = _read_folder(target) if target.is_dir() else _read_zip(target)
        about = json.loads(texts[POLICY])
        digests = dict(_checksums(texts[CHECKSUMS]))
        ours = isinstance(about, dict) and MARKER in about and about.get("dataset") == slug
    except (KeyError, ValueError, zipfile.BadZipFile, OSError):
        about, ours, digests, sizes = {}, False, {}, {}
    if not ours:
        message = f"{target} exists and is no export of {slug!r}. Choose another name, or remove it yourself."
        raise ExportError(message)
    frozen = about.get("release")
    if frozen and frozen != version:
        message = (
            f"{target} is release {frozen} and stays: it may be the only copy. Choose another name for this export."
        )
        raise ExportError(message)
    foreign = sorted(sizes.keys() - digests.keys() - {CHECKSUMS})
    if foreign:
        message = f"{target} holds {foreign[0]!r}, which no export wrote. Move it away, then export again."
        raise ExportError(message)
    return PreviousExport(target=target, sizes=sizes, digests=digests)


def _read_folder(target: Path) -> tuple[dict[str, str], dict[str, int]]:
    files = [path for path in target.rglob("*") if path.is_symlink() or not path.is_dir()]
    sizes = {path.relative_to(target).as_posix(): path.lstat().st_size for path in files}
    return {name: (target / name).read_text(encoding="utf-8") for name in (POLICY, CHECKSUMS)}, sizes


def _read_zip(target: Path) -> tuple[dict[str, str], dict[str, int]]:
    with zipfile.ZipFile(target) as archive:
        sizes = {info.filename: info.file_size for info in archive.infolist()}
        return {name: archive.read(name).decode() for name in (POLICY, CHECKSUMS)}, sizes


def _checksums(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        sha256, path = line.split("  ", 1)
        yield path, sha256
