from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.domain.naming import SEGMENT_NAME, NamingError, file_label, folded_name, name_key, segment_name

LETTERS = st.text("ABCxyz019가é", min_size=1, max_size=20)
IDS = st.from_regex(r"[A-Za-z0-9-]{1,64}", fullmatch=True)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("Crowded indoor", "CrowdedIndoor"),
        ("Bus", "Bus"),
        ("SubwayStation", "SubwayStation"),
        ("0", "0"),
        ("Vehicle horn, car horn, honking", "VehicleHornCarHornHonking"),
        ("Child's speech", "ChildsSpeech"),
        ("Chewing_gum/TV", "ChewingGumTV"),
        ("지하철 역", "지하철역"),
        ("Cafe\u0301", "Caf\u00e9"),
        ("\u0915\u093f\u0932\u093e", "\u0915\u093f\u0932\u093e"),  # Hindi: a fort
        ("\u0915\u0932\u093e", "\u0915\u0932\u093e"),  # Hindi: art
        (
            "\u0939\u093f\u0928\u094d\u0926\u0940 \u0938\u0902\u0917\u0940\u0924",
            "\u0939\u093f\u0928\u094d\u0926\u0940\u0938\u0902\u0917\u0940\u0924",
        ),
        ("\u0e19\u0e49\u0e33 \u0e17\u0e35\u0e48", "\u0e19\u0e49\u0e33\u0e17\u0e35\u0e48"),  # Thai
        ("\u0390ota", "\u03aa\u0301ota"),
        ("\u01f0azz", "J\u030cazz"),
        ("\u1112 \u1161", "\ud558"),
        ("\u260e\ufe0f Phone 1\u20e3", "Phone1"),
    ],
)
def test_label_keeps_letters_and_digits_in_camel_case(name: str, label: str) -> None:
    assert file_label(name) == label


@pytest.mark.parametrize("name", ["", " ", "_", "?!", "''", "\u0301", " \u093f"])
def test_a_name_without_letter_or_digit_has_no_label(name: str) -> None:
    with pytest.raises(NamingError, match="neither letter nor digit"):
        file_label(name)


LETTERS_AND_MARKS = st.text(
    st.characters(categories=["L", "M", "Nd", "Zs"], include_characters="'\u0390\u01f0\u0149\u1112\u1161")
)


@given(st.text() | LETTERS_AND_MARKS)
def test_every_label_can_stand_in_a_segment_name_and_is_stable(name: str) -> None:
    try:
        label = file_label(name)
    except NamingError:
        return
    made = segment_name(file_label=label, participant_number=1, submission_id="1", index=0)
    found = SEGMENT_NAME.fullmatch(made)
    assert found
    assert found["label"] == label
    assert file_label(label) == label
    assert unicodedata.is_normalized("NFC", label)


def test_every_letter_whose_capital_is_several_can_begin_a_segment_name() -> None:
    letters = [chr(code) for code in range(sys.maxunicode + 1) if len(chr(code).upper()) > 1]
    assert len(letters) > 100
    for letter in letters:
        label = file_label(f"{letter}a")
        assert unicodedata.is_normalized("NFC", label)
        assert segment_name(file_label=label, participant_number=1, submission_id="1", index=0).startswith(label)


def test_the_name_is_the_papers() -> None:
    name = segment_name(file_label="Bus", participant_number=17, submission_id="14896147", index=0)
    assert name == "Bus_user0017_14896147_000.wav"


def test_large_numbers_take_more_digits() -> None:
    name = segment_name(file_label="Bus", participant_number=123_456, submission_id="a-1", index=1_000)
    assert name == "Bus_user123456_a-1_1000.wav"


@given(LETTERS, st.integers(0, 10**7), IDS, st.integers(0, 10**5))
def test_a_name_reads_back_as_what_made_it(label: str, number: int, submission: str, index: int) -> None:
    made = segment_name(file_label=label, participant_number=number, submission_id=submission, index=index)
    found = SEGMENT_NAME.fullmatch(made)
    assert found
    assert (found["label"], int(found["number"]), found["submission"], int(found["index"])) == (
        label,
        number,
        submission,
        index,
    )


@pytest.mark.parametrize(
    "parts",
    [
        {"file_label": "Sub way"},
        {"file_label": "../x"},
        {"file_label": ""},
        {"file_label": "a\u2014b"},
        {"file_label": "a\u00a0b"},
        {"file_label": "\u0301a"},
        {"file_label": "a'b"},
        {"submission_id": ""},
        {"submission_id": "a_b"},
        {"submission_id": "é"},
        {"submission_id": "x" * 65},
        {"participant_number": -1},
        {"index": -1},
    ],
)
def test_parts_that_would_spoil_a_name_are_refused(parts: dict[str, object]) -> None:
    good = {"file_label": "Bus", "participant_number": 1, "submission_id": "1", "index": 0}
    with pytest.raises(NamingError):
        segment_name(**{**good, **parts})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "other"), [("Dog.wav", "dOG.WAV"), ("Straße", "STRASSE"), ("é", "E\u0301"), ("한", "\u1112\u1161\u11ab")]
)
def test_names_that_a_file_system_takes_for_one_have_one_key(name: str, other: str) -> None:
    assert folded_name(name) == folded_name(other)
    assert name_key(name) == name_key(other)


def test_a_key_fits_a_column_however_long_a_name_grows() -> None:
    keys = {name_key("\U0001d160" * 255 + str(number)) for number in range(50)}
    assert len(keys) == 50
    assert min(keys) >= -(2**63)
    assert max(keys) < 2**63
