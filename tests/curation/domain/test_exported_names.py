from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.domain.email_addresses import holds_email
from curation.domain.exported_names import exported_name
from curation.exports.cells import cell

NAMES = st.lists(st.sampled_from(["_", "=", "+", "@", " ", "\uff1d", "a", "/", ".wav"]), min_size=1).map("".join)


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
    ],
)
def test_only_what_reads_as_a_formula_is_called_otherwise(name: str, exported: str) -> None:
    assert exported_name(name) == exported


@given(NAMES)
def test_a_cell_holds_the_exported_name_as_it_is(name: str) -> None:
    exported = exported_name(name)
    if not holds_email(exported):
        assert cell(exported) == exported


@given(NAMES, NAMES)
def test_two_names_never_become_one(one: str, other: str) -> None:
    assert (exported_name(one) == exported_name(other)) == (one == other)
