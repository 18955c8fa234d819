"""Serve what is to be rated in the order of its review priority, from one index as before."""

from django.db import migrations, models
from django.db.models import Q

OPEN = ~Q(state="settled")
SERVED = ["-agreeing_count", "-review_priority", "rating_count", "id"]


class Migration(migrations.Migration):
    dependencies = [
        ("curation", "0009_names_of_models"),
    ]

    operations = [
        migrations.RemoveIndex(model_name="candidateannotation", name="annotation_to_rate"),
        migrations.RemoveIndex(model_name="candidateannotation", name="annotation_to_rate_in"),
        migrations.AddField(
            model_name="candidateannotation",
            name="review_priority",
            field=models.FloatField(default=0.0),
        ),
        migrations.AddIndex(
            model_name="candidateannotation",
            index=models.Index(fields=["dataset", *SERVED], condition=OPEN, name="annotation_to_rate"),
        ),
        migrations.AddIndex(
            model_name="candidateannotation",
            index=models.Index(fields=["category", *SERVED], condition=OPEN, name="annotation_to_rate_in"),
        ),
    ]
