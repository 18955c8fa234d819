from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.domain.byte_ranges import ByteRange, UnsatisfiableRangeError, if_range_holds, requested_range

SIZE = 10_000


@pytest.mark.parametrize(
    ("header", "start", "stop"),
    [
        ("bytes=0-499", 0, 500),  # the examples of RFC 9110, section 14.1.2
        ("bytes=500-999", 500, 1000),
        ("bytes=-500", 9500, 10_000),
        ("bytes=9500-", 9500, 10_000),
        ("bytes=0-0", 0, 1),
        ("bytes=-1", 9999, 10_000),
        ("bytes=0-", 0, 10_000),
        ("bytes=9999-20000", 9999, 10_000),
        ("bytes=-20000", 0, 10_000),
        ("Bytes=0-1", 0, 2),
        ("bytes= ,0-1, ,", 0, 2),
        ("bytes=0-1,20000-", 0, 2),  # one of the two lies within the file
        ("bytes=0-" + "9" * 5000, 0, 10_000),
        ("bytes=" + "0" * 5000 + "7-8", 7, 9),
    ],
)
def test_one_range_is_sent_as_asked(header: str, start: int, stop: int) -> None:
    assert requested_range(header, SIZE) == ByteRange(start, stop, SIZE)


@pytest.mark.parametrize(
    "header",
    [
        "", "bytes", "bytes=", "bytes=,", "bytes=-", "bytes=5-2", "bytes=a-b", "bytes=1", "bytes=1-2-3", "bytes=+1-2",
        "bytes=0x1-2", "bytes=\u0661-\u0662", "bytes=1 - 2", "seconds=0-1", "bytes=0-1,5-2", "bytes=0-1,3-4",
        "bytes=0-5,2-8",
    ],
)  # fmt: skip
def test_invalid_foreign_and_several_ranges_mean_the_whole_file(header: str) -> None:
    assert requested_range(header, SIZE) is None


@pytest.mark.parametrize(
    "header", ["bytes=10000-", "bytes=10000-10001", "bytes=-0", "bytes=-0,99999-", f"bytes={9**99}-"]
)
def test_ranges_beyond_the_end_are_refused_with_the_size(header: str) -> None:
    with pytest.raises(UnsatisfiableRangeError) as caught:
        requested_range(header, SIZE)
    assert caught.value.content_range == "bytes */10000"


def test_no_range_of_an_empty_file_can_be_named() -> None:
    assert requested_range("bytes=0-", 0) is None
    assert requested_range("bytes=-1", 0) is None


@pytest.mark.parametrize(
    ("header", "holds"),
    [
        ("", True),
        ('"abc"', True),
        (' "abc" ', True),
        ('W/"abc"', False),
        ('"other"', False),
        ("abc", False),
        ("*", False),
        ("Sat, 21 Nov 2026 03:00:00 GMT", False),
    ],
)
def test_only_the_same_strong_tag_allows_a_part(header: str, *, holds: bool) -> None:
    assert if_range_holds(header, '"abc"') is holds


@dataclass(frozen=True)
class _Spec:
    """One range as a client means it."""

    first: int | None
    last: int | None

    def text(self) -> str:
        return f"{'' if self.first is None else self.first}-{'' if self.last is None else self.last}"

    def selects(self, position: int, size: int) -> bool:
        """Say in the words of section 14.1.2 whether a byte belongs to the range."""
        if self.first is None:
            return self.last is not None and position >= size - self.last
        return position >= self.first and (self.last is None or position <= self.last)

    def valid(self) -> bool:
        return (self.first, self.last) != (None, None) and (
            self.first is None or self.last is None or self.last >= self.first
        )


_numbers = st.integers(0, 40)
_specs = st.builds(_Spec, st.none() | _numbers, st.none() | _numbers)


@given(specs=st.lists(_specs, max_size=4), size=st.integers(1, 30), space=st.sampled_from(["", " ", "\t "]))
def test_the_answer_agrees_with_a_byte_by_byte_reading_of_the_rfc(specs: list[_Spec], size: int, space: str) -> None:
    header = "bytes=" + f"{space},{space}".join(spec.text() for spec in specs)
    selections = [[byte for byte in range(size) if spec.selects(byte, size)] for spec in specs]
    satisfiable = [selection for selection in selections if selection]
    if not specs or not all(spec.valid() for spec in specs) or len(satisfiable) > 1:
        assert requested_range(header, size) is None
    elif not satisfiable:
        with pytest.raises(UnsatisfiableRangeError):
            requested_range(header, size)
    else:
        found = requested_range(header, size)
        assert found is not None
        assert list(range(found.start, found.stop)) == satisfiable[0]
        assert found.content_range == f"bytes {satisfiable[0][0]}-{satisfiable[0][-1]}/{size}"
        assert found.length == len(satisfiable[0])


@given(header=st.text(max_size=30), size=st.integers(0, 30))
def test_no_header_breaks_the_parser(header: str, size: int) -> None:
    for text in (header, f"bytes={header}"):
        try:
            found = requested_range(text, size)
        except UnsatisfiableRangeError:
            continue
        assert found is None or 0 <= found.start < found.stop <= size
