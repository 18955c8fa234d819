"""Reading many tables as they stood at one moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction


@contextmanager
def read_snapshot() -> Iterator[None]:
    """Read a consistent state without keeping anybody from writing.

    On PostgreSQL the transaction is REPEATABLE READ. On SQLite it begins DEFERRED, since the project's
    IMMEDIATE transactions would hold the write lock for as long as is read. Inside a transaction that
    has begun already, that one decides.
    """
    if connection.in_atomic_block:
        yield
        return
    backend: Any = connection  # `transaction_mode` is of the SQLite backend alone
    mode = getattr(backend, "transaction_mode", None)
    if connection.vendor == "sqlite":
        backend.transaction_mode = "DEFERRED"
    try:
        with transaction.atomic():
            if connection.vendor == "postgresql":
                with connection.cursor() as cursor:
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            yield
    finally:
        if connection.vendor == "sqlite":
            backend.transaction_mode = mode
