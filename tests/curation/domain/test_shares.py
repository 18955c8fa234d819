from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.domain.shares import Shares


@pytest.mark.parametrize(
    ("train", "val", "document"),
    [
        (0.8, 0.1, {"train": "0.8", "val": "0.1"}),
        (".80", " 1e-1 ", {"train": "0.8", "val": "0.1"}),
        (1, 0, {"train": "1", "val": "0"}),
        (
            "0.1000000000000000000000000000000000001",
            0,
            {"train": "0.1000000000000000000000000000000000001", "val": "0"},
        ),
        ("0e99999999999", "0.125", {"train": "0", "val": "0.125"}),
    ],
)
def test_equal_shares_have_one_text(train: float | str, val: float | str, document: dict[str, str]) -> None:
    assert Shares.parse(train, val).to_document() == document


@pytest.mark.parametrize(
    ("train", "val"),
    [
        ("most", 0.1),
        ("nan", 0.1),
        ("inf", 0),
        (0.8, -0.1),
        (0.9, 0.2),
        ("1e99999999999", 0),
        ("1e-9999999", 0),
        ("", 0),
        ("\u0660.\u0668", 0),
        ("\uff10.\uff18", 0),
        ("8_0e-2", 0),
        (True, 0),
    ],
)
def test_what_is_no_share_is_refused(train: float | str, val: float | str) -> None:
    with pytest.raises(ValueError, match="expected"):
        Shares.parse(train, val)


def test_a_sum_beyond_one_is_told_in_all_its_digits() -> None:
    with pytest.raises(ValueError, match=r"val = 0\.30000000000000004: expected numbers .* at most 1"):
        Shares.parse(0.7, 0.1 + 0.2)


def test_a_share_whose_decimals_never_end_has_no_text() -> None:
    with pytest.raises(ValueError, match="share 1/3: expected one that ends"):
        Shares(Fraction(1, 3), Fraction(1, 3)).to_document()
    with pytest.raises(ValueError, match="train = 4/3"):
        Shares(Fraction(4, 3), Fraction(0))


@given(st.decimals(0, 1, places=9), st.integers(0, 9))
def test_shares_come_back_from_their_text(train: object, val: int) -> None:
    shares = Shares.parse(str(train), f"0.00000000{val}" if str(train) < "0.99999999" else "0")
    assert Shares.parse(**shares.to_document()) == shares
