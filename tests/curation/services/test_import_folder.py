from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from pytest_django import Settings

from curation.models import Dataset
from curation.services.import_folder import ImportPathError, find_import, import_name, refused_list_of


@pytest.fixture
def folder(tmp_path: Path, settings: Settings) -> Path:
    """Return a folder of imports with one file in a folder, and a file and a folder beside it that are none of it."""
    folder = tmp_path / "imports"
    for path in (folder / "fsdd" / "clips.csv", tmp_path / "secret.csv", tmp_path / "imports-of-others" / "clips.csv"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("path\n", encoding="utf-8")
    settings.ENV = replace(settings.ENV, data_dir=tmp_path / "data", import_dir=folder)
    return folder


def test_a_path_below_the_folder_is_found(folder: Path) -> None:
    found = find_import("fsdd/clips.csv")
    assert (found, import_name(found)) == (folder / "fsdd" / "clips.csv", "fsdd/clips.csv")
    assert find_import("./fsdd/../fsdd//clips.csv") == found
    assert find_import("fsdd", is_folder=True) == folder / "fsdd"
    assert import_name(find_import(".", is_folder=True)) == "."


@pytest.mark.parametrize(
    "text",
    [
        "../secret.csv",
        "fsdd/../../secret.csv",
        "../imports-of-others/clips.csv",
        "/etc/passwd",
        "link.csv",
        "../nothing",
    ],
)
def test_a_path_that_leads_out_is_refused_whether_or_not_anything_is_there(folder: Path, text: str) -> None:
    (folder / "link.csv").symlink_to("../secret.csv")
    with pytest.raises(ImportPathError, match=r"leads out of the folder of imports.*Give the path of a file below it"):
        find_import(text)


def test_an_absolute_path_is_refused_even_inside(folder: Path) -> None:
    with pytest.raises(ImportPathError, match="leads out"):
        find_import(str(folder / "fsdd" / "clips.csv"))


def test_a_linked_folder_that_leads_out_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "others").symlink_to(tmp_path / "imports-of-others")
    for text, is_folder in (("others", True), ("others/clips.csv", False)):
        with pytest.raises(ImportPathError, match="leads out"):
            find_import(text, is_folder=is_folder)


def test_a_link_that_stays_inside_is_the_file_itself(folder: Path) -> None:
    (folder / "newest.csv").symlink_to("fsdd/clips.csv")
    assert import_name(find_import("newest.csv")) == "fsdd/clips.csv"


@pytest.mark.parametrize(
    ("text", "is_folder"), [("fsdd/none.csv", False), ("fsdd", False), ("fsdd/clips.csv", True), ("none", True)]
)
def test_what_is_not_there_is_told_with_folder_and_remedy(folder: Path, text: str, *, is_folder: bool) -> None:
    with pytest.raises(ImportPathError) as refusal:
        find_import(text, is_folder=is_folder)
    assert repr(text) in str(refusal.value)
    assert str(folder) in str(refusal.value)
    assert "ask the operator to put it there" in str(refusal.value)


@pytest.mark.parametrize("text", ["x" * 300, "loop", "a\0b"])
def test_a_path_that_no_system_call_takes_is_refused(folder: Path, text: str) -> None:
    (folder / "loop").symlink_to("loop")
    with pytest.raises(ImportPathError, match=r"Mend the path"):
        find_import(text)


def test_the_data_folders_own_is_made_when_it_is_first_looked_into(tmp_path: Path, settings: Settings) -> None:
    env = replace(settings.ENV, data_dir=tmp_path)
    settings.ENV = replace(env, import_dir=env.own_import_dir)
    assert not (tmp_path / "imports").exists()
    with pytest.raises(ImportPathError, match=r"There is no file 'clips\.csv'"):
        find_import("clips.csv")
    assert (tmp_path / "imports").is_dir()


def test_a_folder_that_the_operator_misspelt_is_named_and_not_made(tmp_path: Path, settings: Settings) -> None:
    settings.ENV = replace(settings.ENV, import_dir=tmp_path / "inports")
    with pytest.raises(ImportPathError, match=r"inports, is not there\..*set EARMARK_IMPORT_DIR"):
        find_import("clips.csv")
    assert not (tmp_path / "inports").exists()


def test_refused_rows_are_listed_beside_the_file_or_else_below_the_data_folder(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, dataset = find_import("fsdd/clips.csv"), Dataset(slug="scenes")
    assert refused_list_of(path, dataset=dataset) == folder / "fsdd" / "clips.refused.csv"
    may = os.access
    monkeypatch.setattr(os, "access", lambda place, mode: place != folder / "fsdd" and may(place, mode))
    listed = refused_list_of(path, dataset=dataset)
    assert listed == tmp_path / "data" / "refused" / "scenes" / "fsdd" / "clips.refused.csv"
    assert listed.parent.is_dir()
    assert import_name(listed) == "../data/refused/scenes/fsdd/clips.refused.csv"
