"""`quality_estimates`: an aligned table on the terminal, the same numbers in a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from annotate.domain.quality import wilson_interval
from annotate.services.ratings import record_rating
from curation.models import Dataset
from tests.factories.judgements import read_csv
from tests.factories.rows import make_annotation, make_category, make_clip, make_dataset, make_participant

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset() -> Dataset:
    dataset = make_dataset("zoo")
    dog, cat = make_category(dataset, "Dog bark"), make_category(dataset, "고양이")
    make_category(dataset, "Nobody claims it")
    clip = make_clip(dataset)
    make_annotation(clip, cat)
    annotation = make_annotation(clip, dog)
    for presence in ("PP", "PP", "PNP", "NP", "U"):
        record_rating(annotation=annotation, annotator=make_participant(dataset), presence=presence, source="web")
    return dataset


@pytest.mark.usefixtures("dataset")
def test_numbers_stand_in_the_file_and_aligned_on_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "quality.csv"
    call_command("quality_estimates", "--dataset", "zoo", "--out", str(out))
    low, high = wilson_interval(3, 5)
    dog, cat = read_csv(out)
    assert dog == {
        "category": "Dog bark",
        "PP": "2",
        "PNP": "1",
        "NP": "1",
        "U": "1",
        "QE": "0.6000",
        "QE_low": f"{low:.4f}",
        "QE_high": f"{high:.4f}",
    }
    assert list(cat.values()) == ["고양이", "0", "0", "0", "0", "", "", ""]
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == list(dog)
    assert lines[1].split() == ["Dog", "bark", *list(dog.values())[1:]]
    assert len(lines[0]) == len(lines[1])
    assert list(tmp_path.iterdir()) == [out]


def test_a_category_is_no_formula_in_the_file(tmp_path: Path) -> None:
    dataset = make_dataset("zoo")
    make_annotation(make_clip(dataset), make_category(dataset, "=HYPERLINK(1)"))
    call_command("quality_estimates", "--dataset", "zoo", "--out", str(tmp_path / "quality.csv"))
    assert [row["category"] for row in read_csv(tmp_path / "quality.csv")] == ["'=HYPERLINK(1)"]


@pytest.mark.usefixtures("dataset")
def test_a_file_that_cannot_be_written_exits_2(tmp_path: Path) -> None:
    with pytest.raises(CommandError) as stopped:
        call_command("quality_estimates", "--dataset", "zoo", "--out", str(tmp_path / "missing" / "quality.csv"))
    assert stopped.value.returncode == 2


def test_without_annotations_it_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    make_dataset("zoo")
    call_command("quality_estimates", "--dataset", "zoo")
    assert "import clips" in capsys.readouterr().out
