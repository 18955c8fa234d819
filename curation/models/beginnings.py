"""Indexes for names by their beginnings, for migrations: PostgreSQL's LIKE needs one of its own, SQLite does not."""

from __future__ import annotations

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def index_beginnings(name: str, *, table: str, column: str) -> migrations.RunPython:
    """Return a migration operation that lets a dataset's rows be found by how a name begins.

    Parameters
    ----------
    name : str
        The index.
    table, column : str
        Which names; the table has a column ``dataset_id``.

    Returns
    -------
    RunPython
        Reversible; does nothing where the database is not PostgreSQL.
    """

    def add(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:  # noqa: ARG001 -- Django's signature
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(f"CREATE INDEX {name} ON {table} (dataset_id, {column} varchar_pattern_ops)")

    def remove(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:  # noqa: ARG001 -- Django's signature
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(f"DROP INDEX {name}")

    return migrations.RunPython(add, remove)
