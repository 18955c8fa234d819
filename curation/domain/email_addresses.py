r"""Finding e-mail addresses in text that strangers wrote, in time linear in its length.

What counts as an address is wider than the standard: a local part, then ``@``, its full-width form or the
``%40`` of web addresses, then a domain with a dot inside, or ``localhost``. As a regular expression::

    [^\s@\uff20,;:<>()"'|/]+ (?:@|%40|\uff20) (?: [^\s@,;<>()"'|/]+ \. [^\s@,;<>()"'|/]+ | localhost )

A backtracking matcher needs quadratic time for it: it begins anew at each letter of a long word, and at each
``%40`` of one. The walk below finds the same spans and looks at each character a fixed number of times.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

_WORD = re.compile(r"""[^\s,;<>()"'|/]+""")  # no address reaches beyond one
_LOCAL_PART = re.compile(r"[^@\uff20:]+")  # inside a word
_LOCALHOST = re.compile("localhost", re.IGNORECASE)
_ESCAPED = "%40"


def holds_email(text: str) -> bool:
    """Return whether something in `text` looks like an e-mail address."""
    return next(email_spans(text), None) is not None


def without_emails(text: str, replacement: str) -> str:
    """Return `text` with `replacement` for each e-mail address."""
    if not _has_separator(text):
        return text
    kept, after = [], 0
    for start, end in email_spans(text):
        kept += [text[after:start], replacement]
        after = end
    return "".join([*kept, text[after:]])


def email_spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield where each address begins and ends, from left to right; the longest where several begin at one place."""
    if not _has_separator(text):
        return
    for match in _WORD.finditer(text):
        word, offset = match[0], match.start()
        if _has_separator(word):
            for start, end in _Word(word).spans():
                yield offset + start, offset + end


def _has_separator(text: str) -> bool:
    return "@" in text or _ESCAPED in text or "\uff20" in text


class _Word:
    """Letters without a space or bracket between them; a domain lies between two ``@`` of it, or its ends."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._ends = [match.start() for match in re.finditer("@", text)] + [len(text)]
        begins = [0, *(end + 1 for end in self._ends)]
        # The last dot of each piece that has a character after it.
        self._dots = [text.rfind(".", begin, end - 1) for begin, end in zip(begins, self._ends, strict=False)]

    def spans(self) -> Iterator[tuple[int, int]]:
        """Yield where each address begins and ends."""
        start = 0
        while local := _LOCAL_PART.search(self._text, start):
            end = self._address_end(local.start(), local.end())
            if end:
                yield local.start(), end
            start = end or local.end()

    def _address_end(self, start: int, end: int) -> int:
        """Return the end of the longest address whose local part is in a run of letters; 0 if there is none."""
        if end < len(self._text) and self._text[end] != ":" and (found := self._domain_end(end + 1)):
            return found
        escaped = self._text.rfind(_ESCAPED, start + 1, end)
        while escaped >= 0:
            if found := self._domain_end(escaped + len(_ESCAPED)):
                return found
            escaped = self._text.rfind(_ESCAPED, start + 1, escaped)
        return 0

    def _domain_end(self, start: int) -> int:
        """Return the end of the domain that begins at `start`; 0 if none does."""
        piece = bisect_right(self._ends, start - 1)
        if self._dots[piece] > start:
            return self._ends[piece]
        match = _LOCALHOST.match(self._text, start)
        return match.end() if match else 0
