"""Make the database itself refuse to edit what was found and what curators said."""

from django.db import migrations

from curation.models.triggers import forbid_update


class Migration(migrations.Migration):
    dependencies = [("ml", "0001_initial")]

    operations = [
        forbid_update(
            "ml_prediction",
            "ml_acceptanceevent",
        ),
    ]
