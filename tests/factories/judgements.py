"""Votes and ratings for tests, as rows of files and by name, and threads that judge at the same time."""

from __future__ import annotations

import csv
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from django.db import connection


def write_csv(path: Path, header: str, rows: Iterable[str]) -> Path:
    """Write rows given as comma-separated text."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header.split(","), *(row.split(",") for row in rows)])
    return path


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def at_once(calls: Sequence[Callable[[], object]]) -> list[object]:
    """Run calls in as many threads, started together, each with a database connection of its own.

    What a call raises is its result.
    """
    barrier = threading.Barrier(len(calls))
    results: list[object] = [None] * len(calls)

    def run(place: int) -> None:
        try:
            connection.ensure_connection()
            barrier.wait(30)
            results[place] = calls[place]()
        except Exception as error:  # noqa: BLE001 -- the test looks at it
            results[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return results
