"""Let a job wait before it is tried again, and remember that it was asked for again while it ran."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("curation", "0003_judgement_counts"),
    ]

    operations = [
        migrations.AddField(
            model_name="job",
            name="available_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="job",
            name="run_again",
            field=models.BooleanField(default=False),
        ),
    ]
