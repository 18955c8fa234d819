"""Find clips by name whatever the case of its letters."""

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

import curation.models.name_key
from curation.domain.naming import name_key

ROWS = 5_000


def fill(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Give the clips that are there their keys."""
    clips = apps.get_model("curation", "Clip").objects.using(schema_editor.connection.alias).order_by("pk")
    last = 0
    with schema_editor.connection.cursor() as cursor:
        while rows := list(clips.filter(pk__gt=last).values_list("pk", "name")[:ROWS]):
            cursor.executemany(
                "UPDATE curation_clip SET name_key = %s WHERE id = %s", [(name_key(name), pk) for pk, name in rows]
            )
            last = rows[-1][0]


class Migration(migrations.Migration):
    dependencies = [
        ("curation", "0007_cache_table"),
    ]

    operations = [
        migrations.AddField(
            model_name="clip",
            name="name_key",
            field=curation.models.name_key.NameKeyField(editable=False, null=True),
        ),
        migrations.AddIndex(
            model_name="clip",
            index=models.Index(fields=["dataset", "name_key"], name="clip_by_name_key"),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
