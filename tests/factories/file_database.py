"""A database on disk for tests with threads: SQLite in memory knows neither its lock nor its waiting."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection, connections


@contextmanager
def own_database(folder: Path) -> Iterator[None]:
    """Put a copy of the test database on disk in its place, under SQLite; leave PostgreSQL as it is."""
    if connection.vendor != "sqlite":
        yield
        return
    path = folder / "race.sqlite3"
    connection.ensure_connection()
    copy = sqlite3.connect(path)
    connection.connection.backup(copy)
    copy.close()
    settings, wrapper = connections.databases["default"], connections["default"]
    connections.databases["default"] = {**settings, "NAME": str(path)}
    connections["default"] = connections.create_connection("default")
    try:
        yield
    finally:
        connections["default"].close()
        connections.databases["default"] = settings
        connections["default"] = wrapper
