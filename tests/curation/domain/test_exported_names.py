from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.domain.email_addresses import holds_email
from curation.domain.exported_names import exported_name
from curation.exports.cells import cell

PIECES = [
    "_",
    "=",
    "+",
    "@",
    " ",
    "\uff1d",
    "a",
    "/",
    ".wav",
    *'<>:"|?*',
    "%",
    "3",
    "A",
    "a",
    "25",
    "%3A",
    "%7c",
    "%2",
    "F",
]
NAMES = st.lists(st.sampled_from(PIECES), min_size=1).map("".join)


@pytest.mark.parametrize(
    ("name", "exported"),
    [
        ("bell/1.wav", "bell/1.wav"),
        ("_1.wav", "_1.wav"),
        ("1-2.wav", "1-2.wav"),
        ("=x.wav", "_=x.wav"),
        ("_=x.wav", "__=x.wav"),
        (" =x.wav", "_ =x.wav"),
        ("\uff0dx.wav", "_\uff0dx.wav"),
        ("day 2/12:30:05.wav", "day 2/12%3A30%3A05.wav"),
        ('<>:"|?*', "%3C%3E%3A%22%7C%3F%2A"),
        ("-3:00.wav", "_-3%3A00.wav"),
        ("100%.wav", "100%.wav"),
        ("%41.wav", "%41.wav"),
        ("12%3A30.wav", "12%253A30.wav"),
        ("12%3a30.wav", "12%253a30.wav"),
        ("%25.wav", "%2525.wav"),
        ("%%3F", "%%253F"),
        ("%:", "%%3A"),
    ],
)
def test_only_what_reads_as_a_formula_or_cannot_be_stored_is_called_otherwise(name: str, exported: str) -> None:
    assert exported_name(name) == exported


@given(NAMES)
def test_a_cell_holds_the_exported_name_as_it_is(name: str) -> None:
    exported = exported_name(name)
    if not holds_email(exported):
        assert cell(exported) == exported


@given(NAMES, NAMES)
def test_two_names_never_become_one(one: str, other: str) -> None:
    assert (exported_name(one) == exported_name(other)) == (one == other)


@given(NAMES, NAMES)
def test_two_names_never_become_one_where_upper_and_lower_case_are_one(one: str, other: str) -> None:
    same = exported_name(one).casefold() == exported_name(other).casefold()
    assert same == (one.casefold() == other.casefold())


@given(NAMES)
def test_an_exported_name_holds_nothing_that_windows_cannot_store(name: str) -> None:
    assert not set('<>:"|?*') & set(exported_name(name))
