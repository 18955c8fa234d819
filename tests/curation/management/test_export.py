from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from curation.models import Release
from tests.factories.exports import make_exportable
from tests.factories.rows import make_dataset

pytestmark = pytest.mark.django_db


def _export(*arguments: str) -> str:
    output = io.StringIO()
    call_command("export", *arguments, stdout=output)
    return output.getvalue()


def test_a_zip_is_written_and_told(tmp_path: Path) -> None:
    make_exportable()
    target = tmp_path / "tiny.zip"
    assert "tiny.zip written: 9 clips, 0 left out" in _export("--dataset", "tiny", "--out", str(target))
    assert "stands there already" in _export("--dataset", "tiny", "--out", str(target))
    assert zipfile.is_zipfile(target)


def test_a_release_is_frozen(tmp_path: Path) -> None:
    make_exportable()
    assert "release 2.0" in _export("--dataset", "tiny", "--out", str(tmp_path / "tiny"), "--release", "2.0")
    assert Release.objects.get().version == "2.0"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--dataset", "absent"), "There is no dataset 'absent'"),
        (("--dataset", "empty"), "has no clip to split"),
        (("--dataset", "tiny", "--split", "4"), "there is no split 4"),
    ],
)
def test_what_cannot_be_exported_exits_2_and_writes_nothing(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    make_exportable()
    make_dataset("empty")
    with pytest.raises(CommandError, match=message) as caught:
        _export(*arguments, "--out", str(tmp_path / "out.zip"))
    assert caught.value.returncode == 2
    assert not list(tmp_path.glob("*out*"))
