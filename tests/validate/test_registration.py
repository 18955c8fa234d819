"""What validation adds to pipeline, export and dataset page."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest

from curation import registry
from curation.domain.progress import no_progress
from curation.models import Dataset
from curation.services.row_import import import_rows
from tests.factories.judgements import write_csv
from tests.factories.rows import make_dataset, make_submission
from validate.services.vote_import import VoteImporter

pytestmark = pytest.mark.django_db

HEADER = "submission,voter,gain,privacy,acoustic_cue"
# "Z" before "a" before "é": by code point, on every database.
ROWS = ["Z1,b,yes,yes,no", "Z1,é,no,yes,yes", "a1,Z,yes,yes,yes", "a1,a,yes,no,yes", "a1,é,yes,yes,yes"]


@pytest.fixture
def dataset() -> Dataset:
    dataset = make_dataset()
    make_submission(dataset, external_id="a1")
    make_submission(dataset, external_id="Z1")
    return dataset


def test_the_pipelines_step_imports_a_file_and_can_be_repeated(dataset: Dataset, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "votes.csv", HEADER, [*ROWS, "a2,a,yes,yes,yes"])
    step = registry.pipeline_steps["votes"]
    result = step.run(dataset, {"file": path}, no_progress)
    assert (result.summary, result.refused) == ("5 votes stored, 0 known already", 1)
    assert result.refused_path == tmp_path / "votes.refused.csv"
    assert step.run(dataset, {"file": path}, no_progress).summary == "0 votes stored, 5 known already"


@pytest.mark.parametrize(
    ("section", "outcome"),
    [({}, nullcontext()), ({"known_participants": "no"}, pytest.raises(ValueError, match="true or false"))],
)
def test_the_step_checks_its_section(section: dict[str, object], outcome: nullcontext[None]) -> None:
    check = registry.pipeline_steps["votes"].check
    assert check is not None
    with outcome:
        check(section)


def test_the_exported_table_can_be_imported_and_has_one_order(dataset: Dataset, tmp_path: Path) -> None:
    importer = VoteImporter(dataset=dataset)
    import_rows(dataset=dataset, path=write_csv(tmp_path / "votes.csv", HEADER, ROWS[::-1]), importer=importer)
    table = registry.export_tables["votes.csv"]
    assert ",".join(table.header) == HEADER
    assert [",".join(row) for row in table.rows(dataset)] == ROWS
    assert not list(table.rows(make_dataset()))


def test_the_stage_counts_decided_and_waiting(dataset: Dataset, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "votes.csv", HEADER, [f"a1,{voter},yes,yes,yes" for voter in "abc"])
    import_rows(dataset=dataset, path=path, importer=VoteImporter(dataset=dataset))
    assert registry.stages["checked"].count(dataset) == (1, [("waiting", 1)])
