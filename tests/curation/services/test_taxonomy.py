from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from curation.domain.naming import segment_name
from curation.models import Category, CategoryParent, Dataset, ImportRun
from curation.services.row_import import ImportReport, UnusableFileError
from curation.services.taxonomy import import_taxonomy
from curation.services.taxonomy_files import read_taxonomy
from tests.factories.rows import make_dataset
from tests.factories.snapshots import all_rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset() -> Dataset:
    return make_dataset()


def take_csv(dataset: Dataset, folder: Path, *rows: str) -> ImportReport:
    path = folder / "taxonomy.csv"
    path.write_text("\n".join(["id,name,parents,description", *rows]) + "\n", encoding="utf-8")
    return import_taxonomy(dataset=dataset, taxonomy=read_taxonomy(path))


def take_json(dataset: Dataset, folder: Path, *entries: Any) -> ImportReport:
    path = folder / "ontology.json"
    path.write_text(json.dumps(entries), encoding="utf-8")
    return import_taxonomy(dataset=dataset, taxonomy=read_taxonomy(path))


def entry(external_id: str, name: str, *children: str, **more: Any) -> dict[str, Any]:
    return {"id": external_id, "name": name, "description": "", "child_ids": list(children), **more}


def edges() -> set[tuple[str, str]]:
    return set(CategoryParent.objects.values_list("child__external_id", "parent__external_id"))


def refusals(report: ImportReport) -> list[list[str]]:
    assert report.refused_path is not None
    return [line.split(",") for line in report.refused_path.read_text(encoding="utf-8").splitlines()[1:]]


def test_forward_references_and_several_parents_are_kept(dataset: Dataset, tmp_path: Path) -> None:
    report = take_csv(dataset, tmp_path, "d,Diamond,b; c,low", "b,B,a,", "c,C,a,", 'a,"Top, all",,text')
    assert (report.accepted, report.refused, report.refused_path) == (4, 0, None)
    assert edges() == {("d", "b"), ("d", "c"), ("b", "a"), ("c", "a")}
    assert Category.objects.get(external_id="a").name == "Top, all"
    assert Category.objects.get(external_id="a").file_label == "TopAll"


def test_a_second_run_changes_nothing(dataset: Dataset, tmp_path: Path) -> None:
    rows = ("a,A,,one", "b,B,a,two", "x,X,nowhere,")
    take_csv(dataset, tmp_path, *rows)
    before = all_rows()
    report = take_csv(dataset, tmp_path, *rows)
    assert (report.accepted, report.unchanged, report.refused) == (0, 2, 1)
    assert all_rows() == before
    assert ImportRun.objects.count() == 1


def test_changed_names_texts_and_parents_are_taken_over(dataset: Dataset, tmp_path: Path) -> None:
    take_csv(dataset, tmp_path, "a,A,,", "b,B,a,", "c,C,b,")
    keys = dict(Category.objects.values_list("external_id", "pk"))
    report = take_csv(dataset, tmp_path, "a,B,,", "b,A,a,new", "c,C,a,")
    assert (report.accepted, report.refused) == (3, 0)
    assert dict(Category.objects.values_list("external_id", "name")) == {"a": "B", "b": "A", "c": "C"}
    assert edges() == {("b", "a"), ("c", "a")}
    assert dict(Category.objects.values_list("external_id", "pk")) == keys


def test_an_unknown_parent_refuses_the_row_and_all_below_it(dataset: Dataset, tmp_path: Path) -> None:
    report = take_csv(dataset, tmp_path, "a,A,,", "b,B,nowhere,", "c,C,b;a,", "d,D,c,")
    assert dict(report.refusals_by_reason) == {"unknown_parent": 1, "parent_refused": 2}
    assert [row[:2] for row in refusals(report)] == [
        ["3", "unknown_parent"],
        ["4", "parent_refused"],
        ["5", "parent_refused"],
    ]
    assert set(Category.objects.values_list("external_id", flat=True)) == {"a"}


def test_a_parent_that_is_stored_already_need_not_be_in_the_file(dataset: Dataset, tmp_path: Path) -> None:
    take_csv(dataset, tmp_path, "a,A,,")
    assert take_csv(dataset, tmp_path, "b,B,a,").accepted == 1
    assert edges() == {("b", "a")}


def test_a_cycle_is_refused_by_name_and_the_rest_kept(dataset: Dataset, tmp_path: Path) -> None:
    report = take_csv(dataset, tmp_path, "a,A,c,", "b,B,a,", "c,C,b,", "d,D,,", "e,E,c,", "f,F,f,")
    assert dict(report.refusals_by_reason) == {"cycle": 4, "parent_refused": 1}
    assert "a < c < b < a" in refusals(report)[0][2]
    assert set(Category.objects.values_list("external_id", flat=True)) == {"d"}


def test_a_cycle_through_stored_edges_is_refused(dataset: Dataset, tmp_path: Path) -> None:
    take_csv(dataset, tmp_path, "a,A,,", "b,B,a,")
    report = take_csv(dataset, tmp_path, "a,A,b,")
    assert dict(report.refusals_by_reason) == {"cycle": 1}
    assert edges() == {("b", "a")}


def test_a_refused_row_keeps_its_old_edges_in_the_search_for_cycles(dataset: Dataset, tmp_path: Path) -> None:
    take_csv(dataset, tmp_path, "a,A,,", "b,B,a,")
    report = take_csv(dataset, tmp_path, "a,A,b,", "b,,,")  # without the bad row b, a would lie above and below b
    assert dict(report.refusals_by_reason) == {"bad_name": 1, "cycle": 1}
    assert edges() == {("b", "a")}


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (("a,A,,", "a,Other,,"), "duplicate_row"),
        (("a,A,,", "b,A,,"), "duplicate_name"),
        (("a,Crowded indoor,,", "b,Crowded-indoor,,"), "duplicate_file_label"),
        ((",A,,",), "bad_id"),
        (('"a;b",A,,',), "bad_id"),
        (("a,,,",), "bad_name"),
        (("a,…,,",), "bad_name"),
        (("a," + "x" * 130 + ",,",), "bad_name"),
        (("a," + "x" * 201 + ",,",), "value_too_long"),
        (("a,A",), "field_count"),
    ],
)
def test_bad_rows_are_refused(dataset: Dataset, tmp_path: Path, rows: tuple[str, ...], reason: str) -> None:
    assert dict(take_csv(dataset, tmp_path, *rows).refusals_by_reason) == {reason: 1}


def test_a_name_of_a_stored_category_is_taken(dataset: Dataset, tmp_path: Path) -> None:
    take_csv(dataset, tmp_path, "a,A,,")
    assert dict(take_csv(dataset, tmp_path, "b,A,,").refusals_by_reason) == {"duplicate_name": 1}


def test_an_ontology_keeps_restrictions_examples_and_links(dataset: Dataset, tmp_path: Path) -> None:
    top = entry("/m/1", "Human sounds", "/m/2", restrictions=["blacklist", "abstract"])
    low = entry("/m/2", "Shout", positive_examples=["youtu.be/x"], citation_uri="http://example.org")
    assert take_json(dataset, tmp_path, top, low).accepted == 2
    assert Category.objects.get(external_id="/m/1").restrictions == ["abstract", "blacklist"]
    shout = Category.objects.get(external_id="/m/2")
    assert (shout.examples, shout.citation_uri) == (["youtu.be/x"], "http://example.org")
    assert edges() == {("/m/2", "/m/1")}


def test_a_csv_leaves_what_only_an_ontology_says(dataset: Dataset, tmp_path: Path) -> None:
    take_json(dataset, tmp_path, entry("a", "A", restrictions=["abstract"]))
    take_csv(dataset, tmp_path, "a,A,,new text")
    category = Category.objects.get()
    assert (category.restrictions, category.description) == (["abstract"], "new text")


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("text", "bad_entry"),
        ({"id": 3, "name": "B"}, "bad_id"),
        (entry("b", "B", restrictions=["secret"]), "unknown_restriction"),
        (entry("b", "B", restrictions="abstract"), "bad_entry"),
        (entry("b", "B", "nowhere"), "unknown_child"),
        (entry("b", "B", citation_uri=5), "bad_entry"),
        (entry("b", "B", "b"), "cycle"),
        (entry("b\ud800", "B"), "bad_text"),
        (entry("b", "B\ud800"), "bad_text"),
        (entry("b", "B\0"), "bad_text"),
        (entry("b", "B") | {"description": "half a sign \udc00"}, "bad_text"),
        (entry("b", "B") | {"description": "zero \0"}, "bad_text"),
        (entry("b", "B", citation_uri="http://example.org/\0"), "bad_text"),
        (entry("b", "B", positive_examples=["good", "\ud800"]), "bad_text"),
        (entry("b", "B", "\ud800"), "unknown_child"),
        (entry("b", "B", restrictions=["\ud800"]), "unknown_restriction"),
    ],
)
def test_a_bad_entry_is_refused_with_its_place(dataset: Dataset, tmp_path: Path, bad: Any, reason: str) -> None:
    report = take_json(dataset, tmp_path, entry("a", "A"), bad)
    assert (report.accepted, dict(report.refusals_by_reason)) == (1, {reason: 1})
    assert report.refused_path is not None
    assert report.refused_path.read_text(encoding="utf-8").startswith(
        f"entry,reason,detail,id,name,parents,description\n2,{reason},"
    )


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("t.json", b"[{]", "line 1, column 3"),
        ("t.json", b'{"a": 1}', "a list of categories"),
        ("t.json", b"[" * 200_000, "nested too deeply"),
        ("t.json", b"\xff[]", "not UTF-8"),
        ("t.csv", b"id,name,parents\n", "'description' is missing"),
        ("t.csv", b"id,name,parents,description,id\n", "twice"),
        ("t.csv", b"", "empty"),
    ],
)
def test_a_file_that_is_no_taxonomy_is_unusable(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UnusableFileError, match=words):
        read_taxonomy(path)


def test_a_description_keeps_its_lines(dataset: Dataset, tmp_path: Path) -> None:
    take_json(dataset, tmp_path, entry("a", "A") | {"description": "one\r\n\ttwo"})
    assert Category.objects.get().description == "one\r\n\ttwo"


def test_an_import_that_breaks_off_leaves_the_former_list(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = take_csv(dataset, tmp_path, "a,A,,", "b,B,nowhere,")
    assert report.refused_path is not None
    before = report.refused_path.read_bytes()

    def crash(*_: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr("curation.services.taxonomy.store_import_run", crash)
    for rows in (("a,A,,",), ("a,A,,", "c,C,nowhere,")):
        with pytest.raises(RuntimeError):
            take_csv(dataset, tmp_path, *rows)
        assert report.refused_path.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"taxonomy.csv", "taxonomy.refused.csv"}


def test_audioset_imports_whole(dataset: Dataset, shared_data: Path, tmp_path: Path) -> None:
    taxonomy = read_taxonomy(shared_data / "audioset_ontology.json")
    report = import_taxonomy(dataset=dataset, taxonomy=taxonomy, refused_path=tmp_path / "refused.csv")
    assert (report.accepted, report.refused) == (632, 0)
    parents: dict[int, int] = {}
    for child in CategoryParent.objects.values_list("child", flat=True):
        parents[child] = parents.get(child, 0) + 1
    assert sum(count > 1 for count in parents.values()) == 38
    assert 632 - len(parents) == 7
    restrictions = [frozenset(held) for held in Category.objects.values_list("restrictions", flat=True)]
    assert restrictions.count(frozenset({"blacklist"})) == 66
    assert restrictions.count(frozenset({"abstract"})) == 22
    assert restrictions.count(frozenset({"abstract", "blacklist"})) == 1
    assert Category.objects.filter(name__contains=",").count() == 83
    before = all_rows()
    assert import_taxonomy(dataset=dataset, taxonomy=taxonomy, refused_path=tmp_path / "refused.csv").unchanged == 632
    assert all_rows() == before


def test_a_name_whose_segments_no_file_system_takes_is_refused(dataset: Dataset, tmp_path: Path) -> None:
    report = take_csv(dataset, tmp_path, f"1,{'가' * 40},,", f"2,{'나' * 41},,")
    assert (report.accepted, report.refusals_by_reason) == (1, {"bad_name": 1})
    label = Category.objects.get().file_label
    longest = segment_name(file_label=label, participant_number=2**31 - 1, submission_id="x" * 64, index=10**6)
    assert len(longest.encode()) <= 255


def test_names_that_differ_in_vowel_signs_alone_are_two_categories(dataset: Dataset, tmp_path: Path) -> None:
    report = take_csv(
        dataset, tmp_path, "fort,\u0915\u093f\u0932\u093e,,", "art,\u0915\u0932\u093e,,", "iota,\u0390ota,,"
    )
    assert (report.accepted, report.refused) == (3, 0)
    for category in Category.objects.all():
        assert segment_name(file_label=category.file_label, participant_number=1, submission_id="1", index=0)
