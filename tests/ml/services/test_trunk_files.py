from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import translation

from ml.env import read_env
from ml.services import trunk_files
from ml.services.trunk_files import (
    Hearing,
    TrunkDescription,
    TrunkFileError,
    file_digest,
    folder_digest,
    folder_trunk,
    listed_trunks,
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EARMARK_TRUNK_DIR", str(tmp_path))
    return tmp_path


def put(folder: Path, name: str, description: object = None, ending: str = ".json") -> Path:
    """Write what could be a trunk: nothing here opens it."""
    path = folder / name
    path.write_bytes(name.encode())
    if description is not None:
        text = description if isinstance(description, str) else json.dumps(description)
        path.with_suffix(ending).write_text(text, encoding="utf-8")
    return path


def test_the_folder_is_the_operators_choice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("EARMARK_TRUNK_DIR", raising=False)
    assert read_env().trunk_dir == settings.ENV.data_dir / "trunks"
    monkeypatch.setenv("EARMARK_TRUNK_DIR", str(tmp_path / "elsewhere"))
    assert read_env().trunk_dir == tmp_path / "elsewhere"
    assert listed_trunks() == []


def test_trunks_are_listed_by_name_and_nothing_else_is(folder: Path) -> None:
    put(folder, "b.onnx", {"sample_rate_hz": 16_000, "window_s": 1, "hop_s": 0.5})
    put(folder, "a.pt", "sample_rate_hz = 8000\nwindow_s = 2.5\n", ".toml")
    put(folder, "notes.txt")
    (folder / "folder.pt").mkdir()
    first, second = listed_trunks()
    assert (first.name, first.hearing) == ("a.pt", Hearing(sample_rate_hz=8_000, window_s=2.5, hop_s=2.5))
    assert (second.name, second.hearing) == ("b.onnx", Hearing(sample_rate_hz=16_000, window_s=1.0, hop_s=0.5))
    assert (first.fault, second.fault) == ("", "")


@pytest.mark.parametrize(
    ("description", "told"),
    [
        (None, r"Trunk a\.pt: none stands beside it\. Write one file a\.toml or a\.json with sample_rate_hz = 32000,"),
        ("{", r"a\.json cannot be read: .* Write sample_rate_hz = 32000"),
        ([1], r"a\.json holds no table: expected sample_rate_hz, window_s, hop_s alone"),
        ({"rate": 1}, r"a\.json holds 'rate': expected sample_rate_hz, window_s, hop_s alone"),
        ({"window_s": 1}, r"a\.json: sample_rate_hz is None: expected a whole number from 1000"),
        ({"sample_rate_hz": 16e3, "window_s": 1}, r"sample_rate_hz is 16000\.0: expected a whole number"),
        ({"sample_rate_hz": True, "window_s": 1}, r"sample_rate_hz is True"),
        ({"sample_rate_hz": 8_000}, r"window_s is None: expected seconds above 0, at most 600"),
        ('{"sample_rate_hz": 8000, "window_s": NaN}', r"window_s is nan"),
        ({"sample_rate_hz": 8_000, "window_s": "1"}, r"window_s is '1'"),
        ({"sample_rate_hz": 8_000, "window_s": 1, "hop_s": 2}, r"hop_s is 2: expected seconds above 0, at most 1"),
        ({"sample_rate_hz": 8_000, "window_s": 1, "hop_s": 1e-5}, r"hop_s is 1e-05: expected at least one sample"),
    ],
)
def test_a_description_that_cannot_be_used_is_named_with_the_remedy(
    folder: Path, description: object, told: str
) -> None:
    path = put(folder, "a.pt", description)
    with pytest.raises(TrunkFileError, match=told):
        TrunkDescription.of(path)
    (listed,) = listed_trunks()
    assert listed.hearing is None
    assert listed.fault


def test_a_fault_is_listed_in_the_language_of_the_reader(folder: Path) -> None:
    put(folder, "a.pt", {"sample_rate_hz": 8_000, "window_s": 0})
    with translation.override("ko"):
        (listed,) = listed_trunks()
    assert listed.fault == "a.json: window_s 값이 0입니다. 0보다 크고 600 이하인 초여야 합니다."


def test_two_descriptions_are_one_too_many(folder: Path) -> None:
    put(folder, "a.pt", {"sample_rate_hz": 8_000, "window_s": 1})
    path = put(folder, "a.pt", "sample_rate_hz = 8000\nwindow_s = 1\n", ".toml")
    with pytest.raises(TrunkFileError, match=r"Trunk a\.pt: both of them stand beside it\. Write one file a\.toml or"):
        TrunkDescription.of(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrunkFileError, match=r"none\.pt: there is no such file\. Give a trunk as TorchScript or ONNX"):
        TrunkDescription.of(tmp_path / "none.pt")


def test_a_name_without_ending_must_be_one_alone(folder: Path) -> None:
    path = put(folder, "a.pt")
    assert folder_trunk("a") == folder_trunk("a.pt") == path
    put(folder, "a.onnx")
    with pytest.raises(TrunkFileError, match=r"there are a\.onnx, a\.pt\. Give one with its ending"):
        folder_trunk("a")


def test_the_digest_follows_the_content(folder: Path) -> None:
    path = put(folder, "a.pt")
    assert file_digest(path) == hashlib.sha256(b"a.pt").hexdigest()
    path.write_bytes(b"b.pt")
    os.utime(path, ns=(1, 1))
    assert file_digest(path) == hashlib.sha256(b"b.pt").hexdigest()


@pytest.mark.django_db
def test_all_processes_share_a_digest_until_the_content_changes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []
    monkeypatch.setattr(trunk_files, "file_digest", lambda path: read.append(path) or file_digest(path))
    path = put(folder, "a.pt")
    for content in (b"a.pt", b"b.pt"):
        path.write_bytes(content)
        for _ in range(2):
            assert folder_digest(path) == hashlib.sha256(content).hexdigest()
    assert read == [path, path]
    path.unlink()
    with pytest.raises(TrunkFileError, match=r"a\.pt cannot be read"):
        folder_digest(path)
