"""Let curators choose the run that people review by; the events are never edited."""

import django.db.models.deletion
from django.db import migrations, models

from curation.models.triggers import forbid_update


class Migration(migrations.Migration):
    dependencies = [
        ("curation", "0010_review_priority"),
        ("ml", "0005_standing_of_known_labels"),
    ]

    operations = [
        migrations.CreateModel(
            name="ChoiceEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(choices=[("choose", "Chosen"), ("undo", "Taken back")], max_length=8)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="curation.participant"
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="choices", to="ml.verificationrun"
                    ),
                ),
            ],
            options={
                "verbose_name": "choice of a run",
                "verbose_name_plural": "choices of runs",
                "ordering": ("id",),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["choose", "undo"])), name="choice_kind_known"
                    )
                ],
            },
        ),
        forbid_update("ml_choiceevent"),
    ]
