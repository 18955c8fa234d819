"""Freezing an export as a release."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import IntegrityError, OperationalError, connection

from curation.exports.archive import Archive, FolderArchive, ZipArchive
from curation.exports.errors import ExportError
from curation.models import Release
from curation.services.exports import export_dataset
from tests.factories.exports import make_exportable

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("name", ["out.zip", "out"])
def test_no_write_lock_is_held_while_the_disk_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def told(slow: str, real: Callable[..., object]) -> Callable[..., object]:
        def waits(*arguments: object, **options: object) -> object:
            seen.add((slow, connection.in_atomic_block))
            return real(*arguments, **options)

        return waits

    dataset, target = make_exportable(), tmp_path / name
    export_dataset(dataset=dataset, target=target)
    seen: set[tuple[str, bool]] = set()
    for module, slow in ((os, "sync"), (os, "fsync"), (shutil, "rmtree")):
        monkeypatch.setattr(module, slow, told(slow, getattr(module, slow)))
    export_dataset(dataset=dataset, target=target, version="1.0")
    assert Release.objects.exists()
    assert seen == {("fsync", False)} | ({("sync", False), ("rmtree", False)} if name == "out" else set())


@pytest.mark.parametrize("name", ["out.zip", "out"])
def test_a_release_whose_transaction_fails_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    commit = connection.commit

    def fails_with_the_release() -> None:
        if Release.objects.exists():
            message = "database or disk is full"
            raise OperationalError(message)
        commit()

    dataset, target = make_exportable(), tmp_path / name
    export_dataset(dataset=dataset, target=target)
    before = target.stat()
    monkeypatch.setattr(connection, "commit", fails_with_the_release)
    with pytest.raises(OperationalError):
        export_dataset(dataset=dataset, target=target, version="1.0")
    assert not Release.objects.exists()
    assert (target.stat().st_ino, target.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert [path.name for path in tmp_path.glob("*out*")] == [name]


@pytest.mark.parametrize("name", ["out.zip", "out"])
def test_a_release_made_meanwhile_is_told_and_nothing_is_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def seal_late(archive: Archive) -> None:
        if archive.target == target:
            export_dataset(dataset=dataset, target=tmp_path / "of_the_other_out", version="9.9")
        seal(archive)

    dataset, target = make_exportable(), tmp_path / name
    export_dataset(dataset=dataset, target=target)
    before = target.stat()
    kind = ZipArchive if name == "out.zip" else FolderArchive
    seal = kind.seal
    monkeypatch.setattr(kind, "seal", seal_late)
    with pytest.raises(ExportError, match=r"Release 9\.9 was made meanwhile.*Export again.*another version"):
        export_dataset(dataset=dataset, target=target, version="9.9")
    assert Release.objects.count() == 1
    assert (target.stat().st_ino, target.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert {path.name for path in tmp_path.glob("*out*")} == {"of_the_other_out", name}
    monkeypatch.setattr(kind, "seal", seal)
    export_dataset(dataset=dataset, target=target, version="9.9")
    assert Release.objects.count() == 1


@pytest.mark.parametrize("name", ["out.zip", "out"])
def test_another_broken_rule_of_the_database_is_not_told_as_a_release_made_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def breaks(**_: object) -> None:
        message = "FOREIGN KEY constraint failed"
        raise IntegrityError(message)

    monkeypatch.setattr(Release.objects, "create", breaks)
    with pytest.raises(IntegrityError, match="FOREIGN KEY"):
        export_dataset(dataset=make_exportable(), target=tmp_path / name, version="1.0")
    assert list(tmp_path.glob("*out*")) == []
