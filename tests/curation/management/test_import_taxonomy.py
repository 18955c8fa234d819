from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from curation.models import Category, Dataset

pytestmark = pytest.mark.django_db


def test_a_missing_dataset_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,name,parents,description\na,A,,\n", encoding="utf-8")
    call_command("import_taxonomy", str(path), dataset="scenes")
    assert Category.objects.get().dataset.slug == "scenes"
    assert "1 categories stored" in capsys.readouterr().out


def test_refused_rows_exit_1_and_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,name,parents,description\na,A,,\nb,B,x,\n", encoding="utf-8")
    with pytest.raises(SystemExit) as caught:
        call_command("import_taxonomy", str(path), dataset="scenes")
    assert caught.value.code == 1
    assert "3,unknown_parent" in (tmp_path / "t.refused.csv").read_text(encoding="utf-8")


def test_a_taxonomy_of_which_every_row_is_refused_exits_2(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,name,parents,description\nb,B,x,\n", encoding="utf-8")
    with pytest.raises(SystemExit) as caught:
        call_command("import_taxonomy", str(path), dataset="scenes")
    assert caught.value.code == 2
    assert "2,unknown_parent" in (tmp_path / "t.refused.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize(("slug", "content"), [("scenes", "[]"), ("two words", "id,name,parents,description\n")])
def test_an_unusable_file_or_slug_exits_2_and_makes_no_dataset(tmp_path: Path, slug: str, content: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(CommandError) as caught:
        call_command("import_taxonomy", str(path), dataset=slug)
    assert caught.value.returncode == 2
    assert not Dataset.objects.exists()
