"""Index votes by person and key, for lists of one person's votes; drop what unique constraints index already."""

import django.db.models.deletion
from django.db import migrations, models

from curation.models.triggers import allow_update, forbid_update


class Migration(migrations.Migration):
    dependencies = [
        ("curation", "0006_quick_lists"),
        ("validate", "0002_append_only"),
    ]

    operations = [
        allow_update("validate_vote"),
        migrations.AlterField(
            model_name="vote",
            name="submission",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="curation.submission"
            ),
        ),
        migrations.AlterField(
            model_name="vote",
            name="voter",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="curation.participant"
            ),
        ),
        migrations.AddIndex(
            model_name="vote",
            index=models.Index(fields=["voter", "id"], name="vote_by_voter"),
        ),
        forbid_update("validate_vote"),
    ]
