"""Indexes for the lists of pages: clips by what is claimed of them, rows by how their names begin."""

import django.db.models.deletion
from django.db import migrations, models

from curation.models.beginnings import index_beginnings


class Migration(migrations.Migration):
    dependencies = [
        ("curation", "0005_dataset_summary"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="candidateannotation",
            name="annotation_by_category",
        ),
        migrations.AlterField(
            model_name="candidateannotation",
            name="category",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="annotations",
                to="curation.category",
            ),
        ),
        migrations.AddIndex(
            model_name="candidateannotation",
            index=models.Index(fields=["dataset", "category", "state", "clip"], name="annotation_by_category_state"),
        ),
        migrations.AddIndex(
            model_name="candidateannotation",
            index=models.Index(fields=["category", "clip"], name="annotation_by_category"),
        ),
        migrations.AddIndex(
            model_name="candidateannotation",
            index=models.Index(fields=["dataset", "state", "clip"], name="annotation_clips_by_state"),
        ),
        index_beginnings("clip_name_begins", table="curation_clip", column="name"),
        index_beginnings("submission_id_begins", table="curation_submission", column="external_id"),
    ]
