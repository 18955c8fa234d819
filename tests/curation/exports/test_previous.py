"""Whether what stands at an export's place is that export, to the last byte where it is a release."""

from __future__ import annotations

import zipfile
from contextlib import nullcontext
from pathlib import Path

import pytest

from curation.exports.errors import ExportError
from curation.models import Release
from curation.services.exports import export_dataset
from tests.factories.exports import make_exportable
from tests.factories.snapshots import all_files

pytestmark = pytest.mark.django_db


def _damage(target: Path, name: str) -> None:
    """Change the first byte of a file of an export, in a folder or a ZIP."""
    if target.is_dir():
        data = (target / name).read_bytes()
        (target / name).write_bytes(bytes([data[0] ^ 1]) + data[1:])
        return
    with zipfile.ZipFile(target) as archive:
        contents = {info: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(target, "w") as archive:
        for info, data in contents.items():
            archive.writestr(info, bytes([data[0] ^ 1]) + data[1:] if info.filename == name else data)


@pytest.mark.parametrize("name", ["out.zip", "out"])
@pytest.mark.parametrize("version", ["", "1.0"])
@pytest.mark.parametrize("damaged", ["metadata.csv", "train/bell/1.wav", "checksums.sha256"])
def test_an_export_that_was_changed_is_written_again(tmp_path: Path, name: str, version: str, damaged: str) -> None:
    dataset, target = make_exportable(), tmp_path / name
    export_dataset(dataset=dataset, target=tmp_path / "sound", version=version)
    export_dataset(dataset=dataset, target=target, version=version)
    _damage(target, damaged)
    report = export_dataset(dataset=dataset, target=target, version=version)
    read_only_by_size = not version and damaged.endswith(".wav")
    assert report.unchanged == read_only_by_size
    if not read_only_by_size:
        with zipfile.ZipFile(target) if target.is_file() else nullcontext() as archive:
            mended = archive.read(damaged) if archive else (target / damaged).read_bytes()
        assert mended == (tmp_path / "sound" / damaged).read_bytes()
        assert export_dataset(dataset=dataset, target=target, version=version).unchanged


def test_a_zip_whose_bytes_rotted_is_written_again(tmp_path: Path) -> None:
    dataset, target = make_exportable(), tmp_path / "out.zip"
    export_dataset(dataset=dataset, target=target)
    sound = target.read_bytes()
    place = sound.index(b"file_name,split")  # the first bytes of metadata.csv, which the ZIP stores as they are
    target.write_bytes(sound[:place] + b"F" + sound[place + 1 :])
    assert not export_dataset(dataset=dataset, target=target).unchanged
    assert target.read_bytes() == sound


@pytest.mark.parametrize("name", ["out.zip", "out"])
@pytest.mark.parametrize("version", ["", "1.1"])
def test_a_release_is_never_written_over(tmp_path: Path, name: str, version: str) -> None:
    dataset, target = make_exportable(), tmp_path / name
    export_dataset(dataset=dataset, target=target)
    export_dataset(dataset=dataset, target=target, version="1.0")  # what is no release gives way to one
    before = all_files(tmp_path)
    with pytest.raises(ExportError, match=r"is release 1\.0 and stays"):
        export_dataset(dataset=dataset, target=target, version=version)
    assert all_files(tmp_path) == before
    assert Release.objects.count() == 1
    assert export_dataset(dataset=dataset, target=target, version="1.0").unchanged
