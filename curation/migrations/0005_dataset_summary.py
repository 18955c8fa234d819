"""Keep the counts of a dataset in one row."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("curation", "0004_job_backoff"),
    ]

    operations = [
        migrations.CreateModel(
            name="DatasetSummary",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("document", models.JSONField()),
                ("computed_at", models.DateTimeField()),
                (
                    "dataset",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="summary", to="curation.dataset"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "dataset summaries",
            },
        ),
    ]
