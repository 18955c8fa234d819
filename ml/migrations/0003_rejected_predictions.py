"""Let predictions tell of labels that people found absent."""

from django.db import migrations, models

from curation.models.triggers import allow_update, forbid_update


class Migration(migrations.Migration):
    dependencies = [("ml", "0002_append_only")]

    operations = [
        allow_update("ml_prediction"),
        migrations.RemoveConstraint(model_name="prediction", name="prediction_basis_known"),
        migrations.AlterField(
            model_name="prediction",
            name="basis",
            field=models.CharField(
                choices=[
                    ("verified", "Verified by people"),
                    ("candidate", "Only label of its clip"),
                    ("other", "One of several labels"),
                    ("rejected", "Found absent by people"),
                ],
                max_length=12,
            ),
        ),
        migrations.AddConstraint(
            model_name="prediction",
            constraint=models.CheckConstraint(
                condition=models.Q(("basis__in", ["verified", "candidate", "other", "rejected"])),
                name="prediction_basis_known",
            ),
        ),
        forbid_update("ml_prediction"),
    ]
