from __future__ import annotations

import errno
import hashlib
import multiprocessing
import os
import signal
import subprocess
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from curation.exports.archive import CHECKSUMS, Archive, archive_for
from curation.exports.errors import ExportError

TARGETS = ["out.zip", "out"]


def _fill(archive: Archive) -> None:
    archive.add("README.md", [b"read ", b"me"])
    archive.add("train/a.wav", [b"RIFF" * 10], size=40)
    archive.add_checksums()


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _write(target: Path) -> None:
    with archive_for(target) as archive:
        _fill(archive)
        archive.publish()


def _read(target: Path) -> dict[str, bytes]:
    if target.is_dir():
        return {path.relative_to(target).as_posix(): path.read_bytes() for path in target.rglob("*") if path.is_file()}
    with zipfile.ZipFile(target) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize("name", TARGETS)
def test_files_and_their_checksums_are_written(tmp_path: Path, name: str) -> None:
    _write(tmp_path / name)
    files = _read(tmp_path / name)
    assert files["README.md"] == b"read me"
    assert files[CHECKSUMS].decode().splitlines() == [
        f"{hashlib.sha256(files[path]).hexdigest()}  {path}" for path in ("README.md", "train/a.wav")
    ]
    assert _names(tmp_path) == [name]


def test_the_checksums_are_in_the_form_of_sha256sum(tmp_path: Path) -> None:
    _write(tmp_path / "out")
    subprocess.run(["sha256sum", "--check", "--strict", CHECKSUMS], cwd=tmp_path / "out", check=True)  # noqa: S603, S607 -- the reader that people use


def test_equal_content_is_an_equal_zip(tmp_path: Path) -> None:
    _write(tmp_path / "one.zip")
    os.utime(tmp_path / "one.zip", (1, 1))
    _write(tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("failure", [RuntimeError("broken"), KeyboardInterrupt()])
def test_a_failure_leaves_what_was_there(tmp_path: Path, name: str, failure: BaseException) -> None:
    def breaks() -> Iterator[bytes]:
        yield b"begun"
        raise failure

    _write(tmp_path / name)
    before = _read(tmp_path / name)
    with pytest.raises(type(failure)), archive_for(tmp_path / name) as archive:
        archive.add("train/other.wav", breaks())
    assert _read(tmp_path / name) == before
    assert _names(tmp_path) == [name]


@pytest.mark.parametrize("name", TARGETS)
def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    def breaks() -> Iterator[bytes]:
        yield b"begun"
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(ExportError, match="No space left for"), archive_for(tmp_path / name) as archive:
        archive.add("a.wav", breaks())
    assert _names(tmp_path) == []


def _place_and_fail(target: Path) -> None:
    with archive_for(target) as archive:
        archive.add("new.wav", [b"new"])
        archive.seal()
        archive.place()
        assert _read(target) == {"new.wav": b"new"}
        raise RuntimeError


@pytest.mark.parametrize("linked", [True, False])
@pytest.mark.parametrize("name", TARGETS)
def test_a_failure_after_placing_puts_the_earlier_one_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, *, linked: bool
) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    if not linked:
        monkeypatch.setattr(Path, "hardlink_to", no_links)
    _write(tmp_path / name)
    before = _read(tmp_path / name)
    with pytest.raises(RuntimeError):
        _place_and_fail(tmp_path / name)
    assert _read(tmp_path / name) == before
    assert _names(tmp_path) == [name]


@pytest.mark.parametrize("name", TARGETS)
def test_a_failure_after_placing_leaves_nothing_where_nothing_was(tmp_path: Path, name: str) -> None:
    with pytest.raises(RuntimeError):
        _place_and_fail(tmp_path / name)
    assert _names(tmp_path) == []


@pytest.mark.parametrize("name", TARGETS)
def test_a_name_that_refuses_the_new_one_keeps_the_earlier_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def fails(_: Path, target: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(target))

    _write(tmp_path / name)
    before = _read(tmp_path / name)
    monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(ExportError, match="Permission denied"):
        _write(tmp_path / name)
    assert _read(tmp_path / name) == before
    assert _names(tmp_path) == [name]


@pytest.mark.parametrize("name", TARGETS)
def test_the_earlier_one_is_replaced_without_a_trace(tmp_path: Path, name: str) -> None:
    _write(tmp_path / name)
    with archive_for(tmp_path / name) as archive:
        archive.add("new.wav", [b"new"])
        archive.publish()
    assert _read(tmp_path / name) == {"new.wav": b"new"}
    assert _names(tmp_path) == [name]


@pytest.mark.parametrize("name", TARGETS)
def test_a_run_killed_while_placing_loses_no_earlier_one(tmp_path: Path, name: str) -> None:
    _write(tmp_path / name)
    before = _read(tmp_path / name)
    (tmp_path / name).rename(tmp_path / f".{name}.replaced")
    with pytest.raises(RuntimeError), archive_for(tmp_path / name):
        raise RuntimeError
    assert _read(tmp_path / name) == before
    assert _names(tmp_path) == [name]


def _limited(target: Path) -> None:
    import resource  # noqa: PLC0415 -- of the child process alone

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))
    try:
        with archive_for(target) as archive:
            archive.add("a.wav", [bytes(1 << 15)] * 10)
            archive.publish()
    except ExportError:
        os._exit(7)


@pytest.mark.parametrize("name", TARGETS)
def test_a_write_that_the_system_refuses_leaves_nothing(tmp_path: Path, name: str) -> None:
    process = multiprocessing.get_context("fork").Process(target=_limited, args=(tmp_path / name,))
    process.start()
    process.join()
    assert process.exitcode == 7
    assert _names(tmp_path) == []


def _hang(target: Path) -> None:
    with archive_for(target) as archive:
        archive.add("a.wav", [b"a"])
        time.sleep(60)


@pytest.mark.parametrize("name", TARGETS)
def test_a_killed_run_is_cleared_away_by_the_next(tmp_path: Path, name: str) -> None:
    process = multiprocessing.get_context("fork").Process(target=_hang, args=(tmp_path / name,))
    process.start()
    while not (tmp_path / f".{name}.partial").exists():
        time.sleep(0.01)
    time.sleep(0.1)
    with pytest.raises(ExportError, match="Another export to"), archive_for(tmp_path / name):
        pass
    process.kill()
    process.join()
    _write(tmp_path / name)
    assert _names(tmp_path) == [name]
    assert "a.wav" not in _read(tmp_path / name)


@pytest.mark.parametrize(
    "path",
    [
        *("", "/a", "a//b", "../a", "a/../b", "a/.", "a\\b", "a\nb", "C:/a", "train/A.wav", "TRAIN/a.wav"),
        *(f"train/12{sign}30.wav" for sign in '<>:"|?*'),
        *("train/dot.", "train/space ", "dot./a.wav", "space /a.wav", "a/..."),
        *("CON", "train/con.wav", "Nul/a.wav", "aux.tar.gz", "PRN .wav", "com1.wav", "LPT9", "COM\u00b2.wav"),
        *("x" * 252 + ".wav", "train/" + "\uac00" * 84 + ".wav"),
    ],
)
def test_a_path_that_cannot_be_stored_everywhere_is_refused(tmp_path: Path, path: str) -> None:
    with archive_for(tmp_path / "out.zip") as archive:
        archive.add("train/a.wav", [b""])
        with pytest.raises(ExportError, match=r"cannot be a file of an export|Two files"):
            archive.add(path, [b""])


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize(
    "path",
    [
        "console.wav",
        "com.wav",
        "COM0.wav",
        "COM10.wav",
        "a.con",
        "x" * 251 + ".wav",
        "\uac00" * 83 + ".wav",
        ".a",
        " a",
    ],
)
def test_a_path_that_can_be_stored_everywhere_is_taken(tmp_path: Path, name: str, path: str) -> None:
    with archive_for(tmp_path / name) as archive:
        archive.add(f"train/{path}", [b"a"])
        archive.publish()
    assert _read(tmp_path / name) == {f"train/{path}": b"a"}


def test_content_of_another_length_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="3 bytes came where 4"), archive_for(tmp_path / "out.zip") as archive:
        archive.add("a.wav", [b"abc"], size=4)


def test_an_absent_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="does not exist"), archive_for(tmp_path / "absent" / "out.zip"):
        pass


def test_a_file_that_needs_zip64_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 1000)
    with archive_for(tmp_path / "out.zip") as archive:
        archive.add("a.wav", [bytes(500)] * 4, size=2000)
        archive.publish()
    with zipfile.ZipFile(tmp_path / "out.zip") as read:
        assert read.testzip() is None
        assert read.getinfo("a.wav").file_size == 2000
        assert read.getinfo("a.wav").extract_version == zipfile.ZIP64_VERSION
