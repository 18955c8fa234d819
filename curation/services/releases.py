"""Releases: frozen versions of a dataset.

A release stores the length and checksum of every file of its export. It is written once, in the moment in
which the export is put in place.
"""

from __future__ import annotations

import hashlib
import json

from django.db import IntegrityError, transaction

from curation.exports.archive import CHECKSUMS, Archive
from curation.exports.contents import ExportContents
from curation.exports.errors import ExportError
from curation.models import Dataset, DatasetPolicy, Release, Split, User

MAX_VERSION_CHARS = 32
_SHOWN_CHANGES = 5


def find_release(dataset: Dataset, version: str) -> Release | None:
    """Return the release of a version, if it was made.

    Parameters
    ----------
    dataset : Dataset
        Whose release.
    version : str
        Such as ``1.0``; empty for an export that is no release.

    Returns
    -------
    Release or None
        The frozen row.

    Raises
    ------
    ExportError
        If the text is no version.
    """
    if not version:
        return None
    if len(version) > MAX_VERSION_CHARS or not version.isprintable() or version != version.strip() or "@" in version:
        message = f"{version!r} is no version. Use at most {MAX_VERSION_CHARS} characters, such as 1.0."
        raise ExportError(message)
    return Release.objects.select_related("split", "policy").filter(dataset=dataset, version=version).first()


def check_documents(release: Release, contents: ExportContents) -> None:
    """Compare what is known before any audio is read: the documents, and which audio files there are.

    Parameters
    ----------
    release : Release
        What was frozen.
    contents : ExportContents
        What would be written now.

    Raises
    ------
    ExportError
        Naming what changed.
    """
    frozen = _digests(release)
    found = {name: document.sha256 for name, document in contents.documents.items()}
    found |= {file.path: frozen.get(file.path, "") for file in contents.audio}
    found[CHECKSUMS] = frozen[CHECKSUMS]
    _check_same(release, frozen, found)


def publish_release(
    *,
    archive: Archive,
    release: Release | None,
    dataset: Dataset,
    version: str,
    policy: DatasetPolicy,
    split: Split,
    created_by: User | None = None,
) -> Release:
    """Put a complete archive in place as a release, new or reproduced.

    Parameters
    ----------
    archive : Archive
        With all its files.
    release : Release, optional
        The release that is reproduced; a new one is frozen where absent.
    dataset, version, policy, split, created_by
        What a new release stores.

    Returns
    -------
    Release
        The frozen row.

    Raises
    ------
    ExportError
        If the archive differs from the release, or another export made the release meanwhile; it is not put in
        place then.
    """
    manifest = [[file.path, file.bytes, file.sha256] for file in sorted(archive.files, key=lambda file: file.path)]
    if release is not None:
        _check_same(release, _digests(release), {file.path: file.sha256 for file in archive.files})
        archive.publish()
        return release
    archive.seal()
    try:
        with transaction.atomic():  # which may hold the only write lock: no more than a rename is done meanwhile
            release = Release.objects.create(
                dataset=dataset,
                version=version,
                policy=policy,
                split=split,
                manifest=manifest,
                manifest_sha256=hashlib.sha256(json.dumps(manifest).encode()).hexdigest(),
                created_by=created_by,
            )
            archive.place()
    except IntegrityError as error:
        if not Release.objects.filter(dataset=dataset, version=version).exists():
            raise
        message = (
            f"Release {version} was made meanwhile, by another export. Nothing was written. "
            "Export again to reproduce it, or give another version."
        )
        raise ExportError(message) from error
    archive.settle()
    return release


def _digests(release: Release) -> dict[str, str]:
    return {path: sha256 for path, _, sha256 in release.manifest}


def _check_same(release: Release, frozen: dict[str, str], found: dict[str, str]) -> None:
    changes = [
        *(f"{path} is gone" for path in sorted(frozen.keys() - found.keys())),
        *(f"{path} is new" for path in sorted(found.keys() - frozen.keys())),
        *(f"{path} differs" for path in sorted(frozen.keys() & found.keys()) if frozen[path] != found[path]),
    ]
    if changes:
        more = len(changes) - _SHOWN_CHANGES
        shown = "; ".join(changes[:_SHOWN_CHANGES]) + (f"; and {more} more" if more > 0 else "")
        message = (
            f"Release {release.version} was frozen on {release.created_at:%Y-%m-%d} and would differ now: {shown}. "
            "Nothing was written. Give the new state a version of its own."
        )
        raise ExportError(message)
