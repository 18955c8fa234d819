"""Keep with each prediction what has become of its label, for lists that leave out what is done with."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

from curation.models.triggers import allow_update, forbid_update

OPEN = Q(is_open=True)
TO_ACCEPT = Q(is_open=True, admitted=True)
ACCEPTED = Q(acceptance__isnull=False)
INDEXES = (
    ("prediction_open", OPEN, ["run", "-priority", "id"]),
    ("prediction_open_in", OPEN, ["run", "category", "-priority", "id"]),
    ("prediction_to_accept", TO_ACCEPT, ["run", "-p_correct", "id"]),
    ("prediction_to_accept_in", TO_ACCEPT, ["run", "category", "-p_correct", "id"]),
    ("prediction_accepted", ACCEPTED, ["run", "-acceptance"]),
    ("prediction_accepted_in", ACCEPTED, ["run", "category", "-acceptance"]),
)
# All that a run found; what may change is `is_open` and `acceptance_id`.
FOUND = (
    *("id", "run_id", "annotation_id", "category_id", "basis", "p_correct", "p_members", "predicted_id", "top"),
    *("disagreement", "category_need", "unreliability", "change_per_minute", "priority", "admitted", "would_accept"),
)


class Migration(migrations.Migration):
    dependencies = [
        ("curation", "0010_review_priority"),
        ("ml", "0003_rejected_predictions"),
    ]

    operations = [
        migrations.RemoveIndex(model_name="prediction", name="prediction_to_accept"),
        allow_update("ml_prediction"),
        migrations.AddField(
            model_name="prediction",
            name="acceptance",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="ml.acceptanceevent",
            ),
        ),
        migrations.AddField(model_name="prediction", name="is_open", field=models.BooleanField(default=True)),
        forbid_update("ml_prediction", columns=FOUND),
        *(
            migrations.AddIndex(
                model_name="prediction", index=models.Index(fields=fields, condition=condition, name=name)
            )
            for name, condition, fields in INDEXES
        ),
    ]
