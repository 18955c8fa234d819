"""Text in one order on every database: PostgreSQL sorts by its locale, SQLite by bytes; exports need one order."""

from __future__ import annotations

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Func
from django.db.models.sql.compiler import SQLCompiler


class CodePoints(Func):
    """A text column compared by Unicode code point, for ``order_by``."""

    template = "(%(expressions)s)"  # SQLite's own way; Django's text columns have its BINARY collation
    arity = 1

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any) -> Any:
        """Name the collation that compares bytes, which for UTF-8 is the order of code points."""
        return super().as_sql(compiler, connection, template='(%(expressions)s) COLLATE "C"', **extra)
