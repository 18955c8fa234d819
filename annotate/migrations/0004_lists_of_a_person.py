"""Index ratings by person and key, for lists of one person's ratings; drop what unique constraints index already."""

import django.db.models.deletion
from django.db import migrations, models

from curation.models.triggers import allow_update, forbid_update


class Migration(migrations.Migration):
    dependencies = [
        ("annotate", "0003_append_only"),
        ("curation", "0006_quick_lists"),
    ]

    operations = [
        allow_update("annotate_rating"),
        migrations.AlterField(
            model_name="rating",
            name="annotation",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="curation.candidateannotation",
            ),
        ),
        migrations.AlterField(
            model_name="rating",
            name="annotator",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="curation.participant"
            ),
        ),
        migrations.AddIndex(
            model_name="rating",
            index=models.Index(fields=["annotator", "id"], name="rating_by_annotator"),
        ),
        forbid_update("annotate_rating"),
    ]
