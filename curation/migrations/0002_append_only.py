"""Make the database itself refuse to edit append-only rows."""

from django.db import migrations

from curation.models.triggers import forbid_update


class Migration(migrations.Migration):
    dependencies = [("curation", "0001_initial")]

    operations = [
        forbid_update(
            "curation_datasetpolicy",
            "curation_split",
            "curation_splitassignment",
            "curation_release",
        ),
    ]
