"""SQL that refuses UPDATE on append-only tables, for migrations of every floor."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def forbid_update(*tables: str, columns: Sequence[str] = ()) -> migrations.RunPython:
    """Return a migration operation that makes the database itself refuse to edit rows.

    Parameters
    ----------
    *tables : str
        Names of append-only tables.
    columns : sequence of str
        The columns that are guarded; all of them where none is named.

    Returns
    -------
    RunPython
        Reversible; knows SQLite and PostgreSQL.
    """
    edit = f"UPDATE OF {', '.join(columns)}" if columns else "UPDATE"

    def add(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:  # noqa: ARG001 -- Django's signature
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(
                "CREATE OR REPLACE FUNCTION earmark_append_only() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = '23514'; END $$",
                params=None,  # otherwise the % would be taken for a placeholder
            )
        for table in tables:
            if schema_editor.connection.vendor == "postgresql":
                schema_editor.execute(
                    f"CREATE TRIGGER {table}_append_only BEFORE {edit} ON {table} "
                    "FOR EACH ROW EXECUTE FUNCTION earmark_append_only()"
                )
            else:
                schema_editor.execute(
                    f"CREATE TRIGGER {table}_append_only BEFORE {edit} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
                )

    def remove(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:  # noqa: ARG001 -- Django's signature
        for table in tables:
            place = f" ON {table}" if schema_editor.connection.vendor == "postgresql" else ""
            schema_editor.execute(f"DROP TRIGGER {table}_append_only{place}")

    return migrations.RunPython(add, remove)


def allow_update(*tables: str) -> migrations.RunPython:
    """Return the opposite of `forbid_update`: SQLite changes a column by making its table anew, without triggers.

    Parameters
    ----------
    *tables : str
        Names of append-only tables; `forbid_update` follows in the same migration.

    Returns
    -------
    RunPython
        Reversible.
    """
    forbidden = forbid_update(*tables)
    if forbidden.reverse_code is None:
        message = "forbid_update is reversible"
        raise AssertionError(message)
    return migrations.RunPython(forbidden.reverse_code, forbidden.code)
