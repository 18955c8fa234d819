"""What an error says, kept so that it can be said again in the language of whoever reads it.

A worker has no reader: what it stores is English. Beside the text stand its sentences with the values that they name,
which the catalogue of a language has the words for (`curation.selectors.words`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Value = str | int | float


@dataclass(frozen=True)
class Sentence:
    """A text of the catalogue and what it names.

    Attributes
    ----------
    text : str
        English, with a place such as ``%(file)s`` for each value; marked for translation where it is written.
    values : dict of str to str, int or float
        By name.
    """

    text: str
    values: Mapping[str, Value] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.text % self.values


Part = Sentence | str  # a string is the same in every language: a space, a code, somebody else's words


class SaidError(ValueError):
    """An error whose message is made of sentences."""

    def __init__(self, *parts: Part) -> None:
        super().__init__(in_english(parts))
        self.parts = parts


def gettext_noop(text: str) -> str:
    """Mark a text for the catalogue, as Django's does, but where no settings are: rules and benchmarks have none."""
    return text


def sentence(text: str, /, **values: Value) -> Sentence:
    """Return a sentence with its values."""
    return Sentence(text, values)


def in_english(parts: Iterable[Part]) -> str:
    """Say it as it was written."""
    return "".join(map(str, parts))


def parts_of(error: BaseException) -> tuple[Part, ...]:
    """Return what an error says; of one that is not made of sentences, its message."""
    return error.parts if isinstance(error, SaidError) else (str(error),)


def stored(parts: Iterable[Part]) -> list[Any]:
    """Return sentences as JSON has them."""
    return [part if isinstance(part, str) else [part.text, dict(part.values)] for part in parts]


def restored(document: Iterable[Any]) -> list[Part]:
    """Return the sentences that `stored` gave."""
    return [part if isinstance(part, str) else Sentence(*part) for part in document]
