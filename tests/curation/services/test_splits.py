from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from curation.domain.policy import Policy
from curation.models import AnnotationState, Category, Clip, Dataset, DatasetPolicy, Split, SplitAssignment
from curation.selectors.splits import latest_split, participants_by_subset, split_clips, subset_by_participant
from curation.services.splits import SplitError, make_split, write_split
from tests.factories.rows import make_annotation, make_category, make_clip, make_dataset, make_participant

pytestmark = pytest.mark.django_db


def filled(dataset: Dataset, participants: int = 10, clips: int = 2) -> Category:
    category = make_category(dataset, "Bus")
    for number in range(participants):
        participant = make_participant(dataset, f"user{number:04d}")
        for index in range(clips):
            make_annotation(make_clip(dataset, participant=participant, name=f"{number}-{index}.wav"), category)
    return category


def test_a_split_divides_participants_within_the_policys_shares() -> None:
    dataset = make_dataset()
    filled(dataset)
    split = make_split(dataset=dataset)
    assert (split.number, split.method, split.parameters) == (1, "greedy", {"train": "0.8", "val": "0.1"})
    assert split.table == {"Bus": {"train": 16, "val": 2, "test": 2}}
    assert participants_by_subset(split) == {"train": 8, "val": 1, "test": 1}
    codes = {assignment.participant.code: assignment.subset for assignment in split.assignments.all()}
    assert [codes[f"user{number:04d}"] for number in range(10)] == ["train"] * 8 + ["val", "test"]


def test_the_checksum_is_of_the_sorted_rows() -> None:
    dataset = make_dataset()
    car, bus = make_category(dataset, "Car"), make_category(dataset, "Bus")
    names = ("b.wav", "B.wav", "ä.wav", "a.wav")
    for name in names:
        clip = make_clip(dataset, name=name, participant=make_participant(dataset, f"by-{names.index(name)}"))
        make_annotation(clip, car)
        make_annotation(clip, bus)
    rows = sorted((name, category, f"by-{names.index(name)}") for name in names for category in ("Car", "Bus"))
    text = "".join("\x1f".join(row) + "\n" for row in rows)
    assert make_split(dataset=dataset).manifest_sha256 == hashlib.sha256(text.encode()).hexdigest()


def test_nothing_changes_on_a_second_run() -> None:
    dataset = make_dataset()
    filled(dataset)
    first = make_split(dataset=dataset)
    assert make_split(dataset=dataset, train="0.80", val=".1") == first
    assert (Split.objects.count(), SplitAssignment.objects.count()) == (1, 10)


def test_other_shares_or_rows_make_another_split() -> None:
    dataset = make_dataset()
    category = filled(dataset)
    first = make_split(dataset=dataset)
    second = make_split(dataset=dataset, train=0.5, val=0.25)
    assert second.table == {"Bus": {"train": 10, "val": 4, "test": 6}}
    make_annotation(make_clip(dataset), category)
    third = make_split(dataset=dataset)
    assert [first.number, second.number, third.number] == [1, 2, 3]
    assert latest_split(dataset) == third
    assert len(subset_by_participant(first)) == 10
    assert len(subset_by_participant(third)) == 11


def test_the_policy_in_force_gives_the_shares() -> None:
    dataset = make_dataset()
    filled(dataset)
    DatasetPolicy.objects.create(
        dataset=dataset, version=2, document=Policy(train_share=0.6, val_share=0.2).to_document()
    )
    assert make_split(dataset=dataset).table == {"Bus": {"train": 12, "val": 4, "test": 4}}


def test_what_is_settled_as_not_present_does_not_count() -> None:
    dataset = make_dataset()
    category = filled(dataset, participants=2)
    settled: dict[str, Any] = {"state": AnnotationState.SETTLED, "settled_at": timezone.now()}
    make_annotation(make_clip(dataset, name="gone.wav"), category, consensus="NP", **settled)
    make_annotation(make_clip(dataset, name="kept.wav"), category, consensus="PNP", **settled)
    make_annotation(make_clip(dataset, name="open.wav"), category, state=AnnotationState.UNDECIDED)
    split = make_split(dataset=dataset)
    assert sum(split.table["Bus"].values()) == 6
    assert {clip for clip, _ in split_clips(split)} == {
        "0-0.wav",
        "0-1.wav",
        "1-0.wav",
        "1-1.wav",
        "kept.wav",
        "open.wav",
    }


def test_a_clip_of_two_classes_counts_in_both_and_is_written_once(tmp_path: Path) -> None:
    dataset = make_dataset()
    filled(dataset, participants=3)
    other = make_category(dataset, "Rain")
    for clip in Clip.objects.filter(dataset=dataset, name__startswith="0"):
        make_annotation(clip, other)
    split = make_split(dataset=dataset)
    assert split.table == {"Bus": {"train": 4, "val": 0, "test": 2}, "Rain": {"train": 0, "val": 0, "test": 2}}
    assert write_split(split=split, path=tmp_path / "s.csv") == 6
    assert (tmp_path / "s.csv").read_text() == (
        "clip,split\n0-0.wav,test\n0-1.wav,test\n1-0.wav,train\n1-1.wav,train\n2-0.wav,train\n2-1.wav,train\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["s.csv"]


def test_a_clip_is_written_under_its_exported_name(tmp_path: Path) -> None:
    dataset = make_dataset()
    filled(dataset, participants=1, clips=1)
    make_annotation(make_clip(dataset, name="=cmd.wav"), make_category(dataset, "Rain"))
    write_split(split=make_split(dataset=dataset), path=tmp_path / "s.csv")
    assert sorted(line.split(",")[0] for line in (tmp_path / "s.csv").read_text().splitlines()) == [
        "0-0.wav",
        "_=cmd.wav",
        "clip",
    ]


def test_other_datasets_stay_apart() -> None:
    dataset = make_dataset()
    filled(dataset, participants=3)
    filled(make_dataset(), participants=4)
    split = make_split(dataset=dataset)
    assert sum(split.table["Bus"].values()) == 6
    assert set(subset_by_participant(split)) == set(dataset.participants.values_list("id", flat=True))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"method": "random"}, "Known: greedy"), ({"train": "most"}, "decimal"), ({"train": 0.95}, "at most 1")],
)
def test_terms_that_cannot_be_kept_are_refused(arguments: dict[str, str | float], message: str) -> None:
    dataset = make_dataset()
    filled(dataset)
    with pytest.raises(SplitError, match=message):
        make_split(dataset=dataset, **arguments)  # type: ignore[arg-type]
    assert latest_split(dataset) is None


def test_a_dataset_without_clips_is_refused_with_the_remedy() -> None:
    with pytest.raises(SplitError, match="Import clips"):
        make_split(dataset=make_dataset())


def test_the_number_of_queries_does_not_grow_with_clips(django_assert_max_num_queries: object) -> None:
    dataset = make_dataset()
    filled(dataset, participants=30, clips=3)
    with django_assert_max_num_queries(12):  # type: ignore[operator]
        make_split(dataset=dataset)
