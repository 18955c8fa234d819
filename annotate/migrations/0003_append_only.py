"""Make the database itself refuse to edit append-only rows."""

from django.db import migrations

from curation.models.triggers import forbid_update


class Migration(migrations.Migration):
    dependencies = [("annotate", "0002_initial")]

    operations = [
        forbid_update(
            "annotate_rating",
        ),
    ]
