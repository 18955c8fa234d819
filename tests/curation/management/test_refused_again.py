"""What is said when the same rows are refused a second time."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

pytestmark = pytest.mark.django_db
SAID = "before"


def ended_with_1(*words: str) -> str:
    out = StringIO()
    with pytest.raises(SystemExit) as caught:
        call_command(*words, stdout=out)
    assert caught.value.code == 1
    return out.getvalue()


@pytest.mark.parametrize("whole", [True, False])
def test_rows_refused_again_are_said_to_be_old_until_the_file_changes(tmp_path: Path, *, whole: bool) -> None:
    taxonomy, config = tmp_path / "taxonomy.csv", tmp_path / "pipeline.toml"
    taxonomy.write_text("id,name,parents,description\nbus,Bus,,\ntram,Tram,rail,\n", encoding="utf-8")
    config.write_text('[dataset]\nslug = "scenes"\n[taxonomy]\nfile = "taxonomy.csv"\n', encoding="utf-8")
    words = ("pipeline", str(config)) if whole else ("import_taxonomy", str(taxonomy), "--dataset", "scenes")
    assert SAID not in ended_with_1(*words)
    assert SAID in ended_with_1(*words)
    with taxonomy.open("a", encoding="utf-8") as file:
        file.write("park,Park,,\n")
    assert SAID not in ended_with_1(*words)
