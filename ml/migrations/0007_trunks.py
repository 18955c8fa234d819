"""Let a run name the pretrained trunks that join its ensemble."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ml", "0006_choice_of_a_run"),
    ]

    operations = [
        migrations.AddField(
            model_name="verificationrun",
            name="trunks",
            field=models.JSONField(blank=True, default=list),
        ),
    ]
