"""What annotation adds to pipeline, export and dataset page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from annotate.services.rating_import import RatingImporter
from curation import registry
from curation.domain.progress import no_progress
from curation.models import Dataset
from curation.services.row_import import import_rows
from tests.factories.judgements import read_csv, write_csv
from tests.factories.rows import make_annotation, make_category, make_clip, make_dataset

pytestmark = pytest.mark.django_db

HEADER = "clip,category,annotator,rating"
# "Z" before "a" before "é": by code point, on every database.
ROWS = ["Z.wav,Dog,Q,PP", "Z.wav,Dog,q,PP", "Z.wav,ant,q,U", "a.wav,Dog,q,NP", "é.wav,Dog,q,PNP"]


@pytest.fixture
def dataset() -> Dataset:
    dataset = make_dataset()
    dog, ant = make_category(dataset, "Dog"), make_category(dataset, "ant")
    for name in ("é.wav", "Z.wav", "a.wav"):
        clip = make_clip(dataset, name=name)
        make_annotation(clip, dog)
        make_annotation(clip, ant)
    return dataset


@pytest.fixture
def rated(dataset: Dataset, tmp_path: Path) -> Dataset:
    path = write_csv(tmp_path / "ratings.csv", HEADER, ROWS[::-1])
    import_rows(dataset=dataset, path=path, importer=RatingImporter(dataset=dataset))
    return dataset


def test_the_pipelines_step_imports_a_file_and_can_be_repeated(dataset: Dataset, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "ratings.csv", HEADER, [*ROWS, "b.wav,Dog,q,PP"])
    step = registry.pipeline_steps["ratings"]
    result = step.run(dataset, {"file": path}, no_progress)
    assert (result.summary, result.refused) == ("5 ratings stored, 0 known already", 1)
    assert result.refused_path == tmp_path / "ratings.refused.csv"
    assert step.run(dataset, {"file": path}, no_progress).summary == "0 ratings stored, 5 known already"


def test_the_step_checks_its_section() -> None:
    check = registry.pipeline_steps["ratings"].check
    assert check is not None
    with pytest.raises(ValueError, match="true or false"):
        check({"known_participants": "no"})


def test_the_exported_ratings_can_be_imported_and_have_one_order(rated: Dataset) -> None:
    table = registry.export_tables["ratings.csv"]
    assert ",".join(table.header) == HEADER
    assert [",".join(row) for row in table.rows(rated)] == ROWS
    assert not list(table.rows(make_dataset()))


def test_quality_estimates_are_written_exported_and_summarized_alike(rated: Dataset, tmp_path: Path) -> None:
    out = tmp_path / "quality.csv"
    result = registry.pipeline_steps["quality_estimates"].run(rated, {"out": out}, no_progress)
    assert result.summary == "quality estimates of 2 categories written to quality.csv"
    table = registry.export_tables["quality_estimates.csv"]
    assert [tuple(row.values()) for row in read_csv(out)] == [tuple(row) for row in table.rows(rated)]
    summary = registry.summary_parts["quality"].compute(rated)
    assert json.loads(json.dumps(summary)) == summary
    dog, ant = summary["categories"]
    assert (dog["name"], dog["pp"], dog["pnp"], dog["np"], dog["u"], dog["qe"]) == ("Dog", 2, 1, 1, 0, 0.75)
    assert (ant["name"], ant["u"], ant["qe"]) == ("ant", 1, 0.0)


def test_the_stages_count_rated_and_settled(rated: Dataset) -> None:
    assert registry.stages["rated"].count(rated) == (4, [("to go", 2)])
    assert registry.stages["settled"].count(rated) == (1, [("undecided", 3)])
