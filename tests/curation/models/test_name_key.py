from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest
from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext

from curation.domain.naming import name_key
from curation.models import Clip
from curation.services.clips import import_clips
from tests.factories.audio import noise, write_audio
from tests.factories.manifests import write_manifest
from tests.factories.rows import make_category, make_clip, make_dataset

pytestmark = pytest.mark.django_db


def test_a_row_gets_its_key_whichever_way_it_is_written() -> None:
    clip = make_clip(make_dataset(), name="Dog.wav")
    clip.pk, clip.name, clip.name_key = None, "Cat.wav", None
    Clip.objects.bulk_create([clip])
    assert set(Clip.objects.values_list("name_key", flat=True)) == {name_key("DOG.WAV"), name_key("cat.wav")}


def test_clips_from_before_get_their_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    migration = import_module("curation.migrations.0008_clip_name_key")
    monkeypatch.setattr(migration, "ROWS", 2)
    dataset = make_dataset()
    names = [make_clip(dataset, name=f"Clip {number}.wav").name for number in range(5)]
    Clip.objects.update(name_key=None)
    migration.fill(apps, connection.schema_editor())
    assert dict(Clip.objects.values_list("name", "name_key")) == {name: name_key(name) for name in names}


@pytest.mark.skipif(connection.vendor != "sqlite", reason="plans are SQLite's; PostgreSQL scans small tables")
def test_an_import_finds_names_by_the_index(tmp_path: Path) -> None:
    dataset = make_dataset(sample_rate_hz=8_000, segment_s=1.0)
    make_category(dataset, "Bark")
    write_audio(tmp_path / "a.wav", noise(8_000), 8_000)
    path = write_manifest(tmp_path / "m.csv", [{"path": "a.wav", "label": "Bark", "verified": "1", "group": "george"}])
    with CaptureQueriesContext(connection) as caught:
        assert import_clips(dataset=dataset, path=path).accepted == 1
    queries = [query["sql"] for query in caught.captured_queries if '"name_key" IN' in query["sql"]]
    assert len(queries) == 2
    for query in queries:
        with connection.cursor() as cursor:
            plan = cursor.execute(f"EXPLAIN QUERY PLAN {query}").fetchall()
        assert any("clip_by_name_key (dataset_id=? AND name_key=?)" in line[-1] for line in plan)
