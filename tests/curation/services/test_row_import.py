from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.models import Dataset, ImportRun, Participant
from curation.services import row_import
from curation.services.row_import import (
    Accepted,
    ImportReport,
    Outcome,
    Refused,
    RefusedRows,
    Row,
    RowRefusedError,
    Unchanged,
    UnusableFileError,
    check_field_lengths,
    import_rows,
    read_rows,
    refused_path_for,
    scan_file,
)
from tests.factories.rows import make_dataset


class People:
    """Stores a participant for each row; a code must be a word."""

    kind = "people"
    required: Sequence[str] = ("code", "number")
    optional: Sequence[str] = ("note",)

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self.batches: list[int] = []

    def identity(self, row: Row) -> tuple[str, ...]:
        return (row["code"],)

    def look(self, row: Row) -> None:
        pass

    def take(self, rows: Sequence[Row]) -> Sequence[Outcome]:
        self.batches.append(len(rows))
        return [self._take(row) for row in rows]

    def _take(self, row: Row) -> Outcome:
        if row["code"] == "crash":
            raise RuntimeError
        if not row["code"].isalnum():
            return Refused("no_word", f"{row['code']!r} is no word.")
        _, made = Participant.objects.get_or_create(dataset=self.dataset, code=row["code"], number=int(row["number"]))
        return Accepted() if made else Unchanged()


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "people.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def run(dataset: Dataset, path: Path) -> ImportReport:
    return import_rows(dataset=dataset, path=path, importer=People(dataset))


def refused_rows(report: ImportReport) -> list[list[str]]:
    assert report.refused_path is not None
    with report.refused_path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


# --- reading ---------------------------------------------------------------------------------------------


def read(path: Path) -> list[tuple[int, str, str]]:
    """Lines with their first field, or with the reason of the refusal."""
    found = []
    for item in read_rows(path, required=("a",), optional=("b",)):
        row, reason = (item[0], item[1].reason) if isinstance(item, tuple) else (item, "")
        found.append((row.line, row["a"], reason))
    return found


def test_lines_count_quoted_line_feeds_and_blank_lines(tmp_path: Path) -> None:
    path = written(tmp_path, '\ufeff"a",b\r\n"1\n1",x\r\n\r\n2,y\r\n3\r\n4,"z\r\n\r\n"\r\n5,6,7\r\n')
    assert read(path) == [
        (2, "1\n1", ""),
        (5, "2", ""),
        (6, "3", "field_count"),
        (7, "4", ""),
        (10, "5", "field_count"),
    ]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_every_line_ending_is_read(tmp_path: Path, ending: str) -> None:
    assert read(written(tmp_path, ending.join(["b,a", " x , 1 ", "y,2"]))) == [(2, "1", ""), (3, "2", "")]


def test_absent_optional_columns_are_empty_and_unknown_ones_ignored(tmp_path: Path) -> None:
    rows = list(read_rows(written(tmp_path, "more,a\n1,2\n"), required=("a",), optional=("b",)))
    assert rows == [Row(2, {"a": "2", "b": ""})]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.text(st.sampled_from('x," \n\r'), min_size=1), st.text(st.sampled_from("é\n")))))
def test_whatever_a_csv_writer_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([("a", "b"), *rows])
    path = written(tmp_path_factory.mktemp("rows"), text.getvalue())
    read_back = list(read_rows(path, required=("a",), optional=("b",)))
    assert [row.values for row in read_back if isinstance(row, Row)] == [
        {"a": first.strip(), "b": second.strip()} for first, second in rows
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf", "'code' is missing"),
        (b"\n", "'code' is missing"),
        (b"code,number\nann,1\nb\xe9n,2\ncid,3\n", "line 3 is not UTF-8"),
        (b"code,number\nann,1\nben,2\xc3", "line 3 is not UTF-8"),
        (b"code,number\nann\0,1\n", "byte 15 is zero"),
        (b"\n\n", "Line 1 is empty"),
        ("code,number\nann,1\n".encode("utf-16"), "is UTF-16. Save it as UTF-8"),
        (b"code;number\nann;1\n", "apart by semicolons; save it with commas"),
        (b"code\tnumber\nann\t1\n", "apart by tabs"),
        (b"Code,number\nann,1\n", "There is a column 'Code'; write 'code'"),
        (b"code\nann\n", "'number' is missing. Needed: code, number; also read: note"),
        (b"code,number,code\nann,1,ben\n", "'code' stands there twice"),
        (b'code,number\nann,1\n"ben,2\n', "line 3: unexpected end of data. Mend the quoting"),
        (b'code,number\nann,1\n"ben"x,2\n', "line 3"),
        (b"code,number\nann,1\n" + b"b" * (3 << 20) + b",2\n", "line 3: field larger"),
    ],
)
@pytest.mark.django_db
def test_an_unusable_file_stores_nothing(tmp_path: Path, content: bytes, message: str) -> None:
    dataset = make_dataset()
    path = written(tmp_path, content)
    older = refused_path_for(path)
    older.write_text("kept")
    with pytest.raises(UnusableFileError, match=message):
        run(dataset, path)
    assert (Participant.objects.count(), ImportRun.objects.count()) == (0, 0)
    assert older.read_text() == "kept"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["people.csv", "people.refused.csv"]


def test_a_wrong_byte_is_placed_on_its_line_beyond_the_first_block(tmp_path: Path) -> None:
    path = written(tmp_path, b"code,number\n" + b"ann,1\n" * 300_000 + b"\xff,2\n" + b"cid,3\n" * 100_000)
    with pytest.raises(UnusableFileError, match="line 300002 is not"):
        scan_file(path)


def test_a_character_across_two_blocks_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, b"a" * ((1 << 20) - 1) + "é\n".encode())
    assert scan_file(path)[1] == 1


@pytest.mark.parametrize("name", ["none.csv", "."])
def test_a_file_that_cannot_be_opened_is_unusable(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnusableFileError, match=r"No such file|directory"):
        scan_file(tmp_path / name)


# --- importing -------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_good_rows_are_stored_and_refused_ones_listed_in_order(tmp_path: Path) -> None:
    dataset = make_dataset()
    path = written(tmp_path, 'code,number\nann,1\n"-\n",2\nben\nann,3\n"a,b",4\ncid,5\n')
    report = run(dataset, path)
    assert list(dataset.participants.values_list("code", flat=True)) == ["ann", "cid"]
    assert (report.accepted, report.unchanged, report.refused) == (2, 0, 4)
    assert refused_rows(report) == [
        ["line", "reason", "detail", "code", "number", "note"],
        ["3", "no_word", "'-' is no word.", "-", "2", ""],
        ["5", "field_count", "1 fields where the header has 2; mind commas outside quotes.", "ben", "", ""],
        ["6", "contradicting_row", "Line 2 says otherwise of the same; it counts. Mend or remove one.", "ann", "3", ""],
        ["7", "no_word", "'a,b' is no word.", "a,b", "4", ""],
    ]
    assert report.refused_path == tmp_path / "people.refused.csv"
    assert report.refusals_by_reason == {"no_word": 2, "field_count": 1, "contradicting_row": 1}


@pytest.mark.parametrize("row", ["b" * 70_000 + ",2", 'ben,2,"' + "\n" * 70_000 + '"', "ben,2," + "x" * (2 << 20)])
@pytest.mark.django_db
def test_a_field_that_is_too_long_refuses_its_row_alone(tmp_path: Path, row: str) -> None:
    dataset = make_dataset()
    row += "," * (2 - row.count(","))
    report = run(dataset, written(tmp_path, f"code,number,other\nann,1,\n{row}\ncid,3,\n"))
    assert list(dataset.participants.values_list("code", flat=True)) == ["ann", "cid"]
    assert [found[:2] for found in refused_rows(report)[1:]] == [["3", "value_too_long"]]
    assert report.refused_path is not None
    assert report.refused_path.stat().st_size < 5_000


@pytest.mark.django_db
def test_duplicates_are_found_across_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_import, "BATCH_ROWS", 2)
    dataset = make_dataset()
    importer = People(dataset)
    path = written(tmp_path, "code,number\n" + "".join(f"p{number % 5},{number % 5}\n" for number in range(7)))
    told: list[tuple[int, int | None]] = []
    report = import_rows(
        dataset=dataset, path=path, importer=importer, progress=lambda done, total: told.append((done, total))
    )
    assert importer.batches == [2, 2, 1]
    assert [row[0] for row in refused_rows(report)[1:]] == ["7", "8"]
    assert told == [(2, 8), (4, 8), (6, 8), (7, 8), (8, 8)]


@pytest.mark.django_db
def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    dataset = make_dataset()
    path = written(tmp_path, "code,number\nann,1\n-,2\nben,3\n")
    run(dataset, path)
    before = list(ImportRun.objects.values()), (tmp_path / "people.refused.csv").read_bytes()
    report = run(dataset, path)
    assert (report.accepted, report.unchanged, report.refused) == (0, 2, 1)
    assert (list(ImportRun.objects.values()), (tmp_path / "people.refused.csv").read_bytes()) == before
    assert before[0][0]["accepted"] == 2


@pytest.mark.django_db
def test_a_mended_file_removes_the_list_and_counts_for_itself(tmp_path: Path) -> None:
    dataset = make_dataset()
    run(dataset, written(tmp_path, "code,number\nann,1\n-,2\n"))
    report = run(dataset, written(tmp_path, "code,number\nann,1\nben,2\n"))
    assert report.refused_path is None
    assert [path.name for path in tmp_path.iterdir()] == ["people.csv"]
    counts = list(ImportRun.objects.order_by("id").values_list("accepted", "unchanged", "refused"))
    assert counts == [(1, 0, 1), (1, 1, 0)]


@pytest.mark.django_db
def test_an_import_that_breaks_off_leaves_no_half_list_and_goes_on_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_import, "BATCH_ROWS", 2)
    dataset = make_dataset()
    path = written(tmp_path, "code,number\nann,1\n-,2\ncrash,3\n")
    with pytest.raises(RuntimeError):
        run(dataset, path)
    assert [file.name for file in tmp_path.iterdir()] == ["people.csv"]
    assert (dataset.participants.count(), ImportRun.objects.count()) == (1, 0)
    assert run(dataset, written(tmp_path, "code,number\nann,1\nben,3\n")).unchanged == 1


@pytest.mark.django_db
def test_a_header_alone_is_an_import_of_nothing(tmp_path: Path) -> None:
    report = run(make_dataset(), written(tmp_path, "code,number\n"))
    assert (report.accepted, report.unchanged, report.refused, report.refused_path) == (0, 0, 0, None)


def test_long_values_are_refused_with_their_limit() -> None:
    row = Row(2, {"city": "x" * 5})
    check_field_lengths(row, {"city": 5})
    with pytest.raises(RowRefusedError, match="at most 4") as caught:
        check_field_lengths(row, {"city": 4})
    assert caught.value.refused.reason == "value_too_long"


def test_list_of_refused_rows_beside_a_file_with_the_longest_name(tmp_path: Path) -> None:
    path = tmp_path / f"{'가' * 83}.csv"
    assert len(path.name.encode()) == 253
    listed = refused_path_for(path)
    assert listed.name.endswith("가.refused.csv")
    rows = RefusedRows(listed, ["code"])
    rows.add(Row(2, {"code": "x"}), Refused("bad", "because"))
    assert rows.finish() == listed
    assert listed.is_file()


def test_list_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    with pytest.raises(UnusableFileError, match="Refused rows are listed there"):
        RefusedRows(tmp_path / "absent" / "list.csv", ["code"])


@pytest.mark.django_db
def test_separators_inside_fields_make_no_duplicates(tmp_path: Path) -> None:
    class Pairs(People):
        def identity(self, row: Row) -> tuple[str, ...]:
            return row["code"], row["note"]

        def take(self, rows: Sequence[Row]) -> Sequence[Outcome]:
            return [Accepted() for _ in rows]

    dataset = make_dataset()
    path = written(tmp_path, "code,note,number\na\x1fb,c,1\na,b\x1fc,1\n")
    assert import_rows(dataset=dataset, path=path, importer=Pairs(dataset)).accepted == 2


@pytest.mark.django_db
def test_the_same_row_again_is_told_from_one_that_contradicts(tmp_path: Path) -> None:
    report = run(make_dataset(), written(tmp_path, "code,number\nann,1\nann,1\nann,2\n"))
    assert [row[:2] for row in refused_rows(report)[1:]] == [["3", "duplicate_row"], ["4", "contradicting_row"]]


class Words(People):
    """Refuses numbers under 5."""

    def _take(self, row: Row) -> Outcome:
        return super()._take(row) if int(row["number"]) >= 5 else Refused("too_low", "Give 5 or more.")


@pytest.mark.parametrize("batch_rows", [1, 2, 500])
@pytest.mark.django_db
def test_a_refused_row_takes_no_key_from_a_good_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch_rows: int
) -> None:
    monkeypatch.setattr(row_import, "BATCH_ROWS", batch_rows)
    dataset = make_dataset()
    path = written(tmp_path, "code,number\nann,1\nann,1\nann,7\nann,8\nben,6\nann,7\nann,2\n")
    report = import_rows(dataset=dataset, path=path, importer=Words(dataset))
    assert dict(dataset.participants.values_list("code", "number")) == {"ann": 7, "ben": 6}
    assert [row[:2] for row in refused_rows(report)[1:]] == [
        ["2", "too_low"],
        ["3", "too_low"],
        ["5", "contradicting_row"],
        ["7", "duplicate_row"],
        ["8", "contradicting_row"],
    ]


@pytest.mark.django_db
def test_many_copies_of_a_refused_row_are_looked_at_once(tmp_path: Path) -> None:
    dataset = make_dataset()
    importer = Words(dataset)
    path = written(tmp_path, "code,number\n" + "ann,1\n" * 400 + "ben,5\n")
    report = import_rows(dataset=dataset, path=path, importer=importer)
    assert (report.accepted, report.refusals_by_reason) == (1, {"too_low": 400})
    assert importer.batches == [2]
