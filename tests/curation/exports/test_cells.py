from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.domain.email_addresses import holds_email
from curation.domain.exported_names import FORMULA_STARTS
from curation.exports.cells import Cell, Table, cell, listed, plain_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "1"),
        (False, "0"),
        (7, "7"),
        (-23.5, "-23.5"),
        (10.0, "10"),
        (1 / 3, "0.333333"),
        (-1e-9, "0"),
        ("plain", "plain"),
        ("=1+1", "'=1+1"),
        ("  =1+1", "'  =1+1"),
        ("-5", "'-5"),
        ("\uff1dcmd", "'\uff1dcmd"),
        ("two\r\nlines\tand a tab", "two  lines and a tab"),
        ("\t=1", "' =1"),
    ],
)
def test_a_value_becomes_one_harmless_line(value: Cell, text: str) -> None:
    assert cell(value) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("by jane.doe+x@mail.example.org, 2020", "by [e-mail removed], 2020"),
        ("mailto:jane%40example.org", "mailto:[e-mail removed]"),
        ("jané@exämple.org", "[e-mail removed]"),
        ("root@localhost", "[e-mail removed]"),
        ("jane\uff20example.org", "[e-mail removed]"),
        ("https://flickr.example/photos/12345@N00/", "https://flickr.example/photos/12345@N00/"),
        ("rain @ night", "rain @ night"),
    ],
)
def test_e_mail_addresses_are_removed(text: str, shown: str) -> None:
    assert plain_text(text) == shown
    assert holds_email(text) == (text != shown)


def test_values_of_one_cell_are_joined() -> None:
    assert listed(["a|b", "c"]) == "a b|c"


@given(st.lists(st.lists(st.text(), min_size=2, max_size=2), max_size=8))
def test_a_table_reads_back_line_by_line(rows: list[list[str]]) -> None:
    table = Table(("one", "two"))
    for row in rows:
        table.add(row)
    data = b"".join(table.blocks())
    read = list(csv.reader(io.StringIO(data.decode(), newline=""), strict=True))
    assert len(data.split(b"\n")) == len(rows) + 2
    assert read == [["one", "two"], *([cell(value) for value in row] for row in rows)]
    assert not any(value.startswith(FORMULA_STARTS) for row in read for value in row)
    table.close()


def test_a_row_of_another_width_is_refused() -> None:
    table = Table(("one",))
    with pytest.raises(ValueError, match="2 cells where the header has 1"):
        table.add(("a", "b"))
    table.close()
