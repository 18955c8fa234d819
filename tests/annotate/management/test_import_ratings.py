"""`import_ratings`: each reason for a refusal, ways to name a clip, repetition, and the cost of a batch."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotate.models import Rating
from annotate.services.rating_import import RatingImporter
from curation.models import CandidateAnnotation, Category, Dataset, Participant
from curation.services import row_import
from curation.services.row_import import import_rows
from tests.factories.judgements import read_csv, write_csv
from tests.factories.rows import make_annotation, make_category, make_clip, make_dataset

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("dataset")]

HEADER = "clip,category,annotator,rating"


@pytest.fixture
def dataset() -> Dataset:
    dataset = make_dataset("zoo")
    category = make_category(dataset, "Dog bark")
    make_category(dataset, "Meow")
    make_annotation(make_clip(dataset, name="dogs/one.wav", source_path="dogs/one.flac"), category)
    make_annotation(make_clip(dataset, name="two.wav"), category)
    return dataset


def run(path: Path, *options: str) -> int:
    """Run the command; return its exit status."""
    try:
        call_command("import_ratings", str(path), "--dataset", "zoo", *options)
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def reasons(path: Path) -> dict[str, str]:
    return {row["line"]: row["reason"] for row in read_csv(path.with_name(f"{path.stem}.refused.csv"))}


def test_good_ratings_settle_and_a_second_run_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_csv(
        tmp_path / "ratings.csv",
        HEADER,
        ["dogs/one.wav,Dog bark,a,PP", "two.wav,Dog bark,a,pnp", "dogs/one.wav,Dog bark,b,PP", "two.wav,Dog bark,b,U"],
    )
    assert run(path) == 0
    assert "4 ratings stored, 0 known already, 0 refused" in capsys.readouterr().out
    ratings, annotations = list(Rating.objects.values()), list(CandidateAnnotation.objects.values())
    assert [(row["state"], row["consensus"]) for row in annotations] == [("settled", "PP"), ("undecided", "")]
    assert [(row["rating_count"], row["agreeing_count"]) for row in annotations] == [(2, 2), (2, 1)]
    assert run(path) == 0
    assert "0 ratings stored, 4 known already, 0 refused" in capsys.readouterr().out
    assert list(Rating.objects.values()) == ratings
    assert list(CandidateAnnotation.objects.values()) == annotations


def test_annotators_leave_the_numbers_free_that_later_ones_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_import, "BATCH_ROWS", 1)
    rows = ["two.wav,Dog bark,alice,PP", "two.wav,Dog bark,user471100,PP"]
    assert run(write_csv(tmp_path / "ratings.csv", HEADER, rows)) == 0
    numbers = Participant.objects.filter(code__in=["alice", "user471100"]).values_list("code", "number")
    assert dict(numbers) == {"alice": 471101, "user471100": 471100}


def test_every_bad_row_is_refused_with_its_reason_and_the_rest_stored(tmp_path: Path) -> None:
    run(write_csv(tmp_path / "first.csv", HEADER, ["two.wav,Dog bark,a,PP"]))
    path = write_csv(
        tmp_path / "ratings.csv",
        HEADER,
        [
            "two.wav,Dog bark,a,NP",
            "three.wav,Dog bark,a,PP",
            "two.wav,Cow,a,PP",
            "two.wav,Meow,a,PP",
            "two.wav,Dog bark,b,maybe",
            "two.wav,Dog bark,b@example.org,PP",
            "two.wav,Dog bark,c,PP",
            "two,Dog bark,c,NP",
            "two,Dog bark,a,PP",
            "two,Dog bark,,PP",
            ",Dog bark,a,PP",
        ],
    )
    assert run(path) == 1
    assert reasons(path) == {
        "2": "conflicting_rating",
        "3": "unknown_clip",
        "4": "unknown_category",
        "5": "no_candidate_annotation",
        "6": "bad_rating",
        "7": "participant_is_email",
        "9": "conflicting_rating",
        "11": "empty_field",
        "12": "empty_field",
    }
    assert sorted(Rating.objects.values_list("annotator__code", "presence")) == [("a", "PP"), ("c", "PP")]
    assert not Participant.objects.filter(code="b").exists()


@pytest.mark.parametrize("clip", ["dogs/one.wav", "dogs/one.flac", "./dogs\\one.flac", "dogs/one"])
@pytest.mark.parametrize("column", ["name", "external_id"])
def test_a_clip_is_found_by_name_path_or_stem_and_a_category_by_name_or_id(
    dataset: Dataset, tmp_path: Path, clip: str, column: str
) -> None:
    category = Category.objects.get(dataset=dataset, name="Dog bark")
    label = getattr(category, column)
    assert run(write_csv(tmp_path / "ratings.csv", HEADER, [f"{clip},{label},a,PP"])) == 0
    assert Rating.objects.get().annotation.clip.name == "dogs/one.wav"


def test_consensus_does_not_depend_on_the_order_of_the_rows(dataset: Dataset, tmp_path: Path) -> None:
    given = ["PP", "NP", "PP", "NP"]
    outcomes = set()
    for place, order in enumerate(set(permutations(given))):
        clip = make_clip(dataset)
        annotation = make_annotation(clip, Category.objects.get(name="Dog bark"))
        rows = [f"{clip.name},Dog bark,user{number},{presence}" for number, presence in enumerate(order)]
        assert run(write_csv(tmp_path / f"{place}.csv", HEADER, rows)) == 0
        annotation.refresh_from_db()
        outcomes.add((annotation.state, annotation.consensus, annotation.settled_at))
    assert outcomes == {("undecided", "", None)}


def test_ratings_that_are_all_refused_exit_2(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "ratings.csv", HEADER, ["none.wav,Dog bark,a,PP"])
    assert run(path) == 2
    assert reasons(path) == {"2": "unknown_clip"}


def test_known_participants_catches_slips(dataset: Dataset, tmp_path: Path) -> None:
    known = make_clip(dataset).participant.code
    path = write_csv(tmp_path / "ratings.csv", HEADER, [f"two.wav,Dog bark,{known},PP", "two.wav,Dog bark,anna,PP"])
    assert run(path, "--known-participants") == 1
    assert reasons(path) == {"3": "unknown_participant"}


def queries_for(dataset: Dataset, path: Path) -> int:
    with CaptureQueriesContext(connection) as queries:
        import_rows(dataset=dataset, path=path, importer=RatingImporter(dataset=dataset))
    return len(queries)


def test_a_batch_costs_the_same_queries_whatever_its_rows(dataset: Dataset, tmp_path: Path) -> None:
    category = Category.objects.get(name="Dog bark")
    names = []
    for _ in range(30):
        clip = make_clip(dataset)
        make_annotation(clip, category)
        names.append(clip.name)
    few = write_csv(tmp_path / "few.csv", HEADER, ["two.wav,Dog bark,a,PP", "two.wav,Dog bark,b,PP"])  # settles one
    many = write_csv(
        tmp_path / "many.csv", HEADER, [f"{name},Dog bark,{person},PP" for name in names for person in "bcd"]
    )
    assert queries_for(dataset, many) <= queries_for(dataset, few)
