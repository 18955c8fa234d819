"""A snapshot beside another process that writes: needs a database that two connections can open."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from curation.models import Dataset
from curation.selectors.snapshots import read_snapshot
from tests.factories.rows import make_dataset

PROJECT = Path(__file__).parents[2]
WRITE = "import django; django.setup(); from tests.factories.rows import make_dataset; make_dataset('later')"


@pytest.mark.usefixtures("rows")
def test_what_others_write_meanwhile_is_not_seen_and_not_hindered(database_url: str) -> None:
    make_dataset("before")
    with read_snapshot():
        assert Dataset.objects.count() == 1
        subprocess.run(  # noqa: S603 -- the project's own rows
            [sys.executable, "-c", WRITE],
            cwd=PROJECT,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "curation.settings", "DATABASE_URL": database_url},
            check=True,
            timeout=60,
        )
        assert Dataset.objects.count() == 1
    assert Dataset.objects.count() == 2
