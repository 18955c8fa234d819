"""Progress of long work: the one way in which a service tells a command, a job or a page how far it is."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told how far long work has come."""

    def __call__(self, done: int, total: int | None) -> None:
        """Take the units done and, where known, the units in all."""


def no_progress(done: int, total: int | None) -> None:
    """Ignore progress."""
