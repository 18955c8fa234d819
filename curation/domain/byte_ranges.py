"""HTTP byte ranges: which bytes of a file a browser asks for when it seeks.

Django has no ``Range`` support, and without it Chromium cannot seek in audio. This module parses and decides;
`curation.views.media` answers.

Several ranges in one request are answered with the whole file: RFC 9110 section 14.2 lets a server ignore
``Range``, media players never ask for several, and ``multipart/byteranges`` is how one small request becomes a
very large answer (section 17.15). A header that breaks the grammar is ignored in the same way.

References
----------
RFC 9110, HTTP Semantics, sections 13.1.5 (If-Range), 14.1 (range units), 14.2 (Range), 14.4 (Content-Range) and
15.5.17 (416).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_INT_RANGE = re.compile(r"([0-9]+)-([0-9]*)", re.ASCII)
_SUFFIX_RANGE = re.compile(r"-([0-9]+)", re.ASCII)
_OPTIONAL_WHITESPACE = " \t"
_MAX_DIGITS = 18  # more than any file has bytes; longer numbers need not be converted


@dataclass(frozen=True)
class ByteRange:
    """Consecutive bytes of a file of known size.

    Attributes
    ----------
    start, stop : int
        First byte, and one past the last; ``0 <= start < stop <= size``.
    size : int
        Bytes in the whole file.
    """

    start: int
    stop: int
    size: int

    @property
    def length(self) -> int:
        """Bytes in the range."""
        return self.stop - self.start

    @property
    def content_range(self) -> str:
        """The value of ``Content-Range`` (section 14.4)."""
        return f"bytes {self.start}-{self.stop - 1}/{self.size}"


class UnsatisfiableRangeError(ValueError):
    """A well-formed request for bytes that the file does not have (416)."""

    def __init__(self, size: int) -> None:
        super().__init__(f"no requested range lies within {size} bytes")
        self.content_range = f"bytes */{size}"


def requested_range(header: str, size: int) -> ByteRange | None:
    """Decide which part of a file to send.

    Parameters
    ----------
    header : str
        The value of ``Range``; empty if there was none.
    size : int
        Bytes in the whole file.

    Returns
    -------
    ByteRange or None
        The one part to send (206), or None to send the whole file (200).

    Raises
    ------
    UnsatisfiableRangeError
        If the header is well formed and none of its ranges begins within the file.

    References
    ----------
    RFC 9110, sections 14.1.1, 14.1.2 and 14.2.
    """
    unit, equals, range_set = header.partition("=")
    if not equals or unit.strip(_OPTIONAL_WHITESPACE).lower() != "bytes" or size == 0:
        return None
    # The list rule lets senders leave elements empty (section 5.6.1.2).
    specs = [spec for spec in (part.strip(_OPTIONAL_WHITESPACE) for part in range_set.split(",")) if spec]
    bounds = [_bounds(spec, size) for spec in specs]
    if not bounds or None in bounds:
        return None
    satisfiable = [bound for bound in bounds if bound is not None and bound[0] < bound[1]]
    if not satisfiable:
        raise UnsatisfiableRangeError(size)
    if len(satisfiable) > 1:
        return None
    start, stop = satisfiable[0]
    return ByteRange(start, stop, size)


def if_range_holds(header: str, etag: str) -> bool:
    """Tell whether ``If-Range`` allows a part to be sent.

    Parameters
    ----------
    header : str
        The value of ``If-Range``; empty if there was none.
    etag : str
        The file's strong entity tag, with its quotes.

    Returns
    -------
    bool
        True if there was no header or if it names this very file. A weak tag never does (strong comparison), and
        neither does a date, because audio is served without ``Last-Modified``.

    References
    ----------
    RFC 9110, sections 8.8.3.2 and 13.1.5.
    """
    return header == "" or header.strip(_OPTIONAL_WHITESPACE) == etag


def _bounds(spec: str, size: int) -> tuple[int, int] | None:
    """Return start and stop of one range-spec (empty where unsatisfiable), or None if it is invalid."""
    if match := _INT_RANGE.fullmatch(spec):
        start = _number(match[1])
        last = _number(match[2]) if match[2] else max(start, size - 1)
        return (start, min(last + 1, size)) if last >= start else None
    if match := _SUFFIX_RANGE.fullmatch(spec):
        return max(0, size - _number(match[1])), size
    return None


def _number(digits: str) -> int:
    """Convert digits; whatever is beyond any file's size becomes one such number."""
    digits = digits.lstrip("0") or "0"
    return int(digits) if len(digits) <= _MAX_DIGITS else 10**_MAX_DIGITS
