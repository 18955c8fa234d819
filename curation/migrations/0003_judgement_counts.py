"""Keep the number of judgements beside what they judge, indexed for serving the next one."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("curation", "0002_append_only"),
    ]

    operations = [
        migrations.AddField(
            model_name="candidateannotation",
            name="agreeing_count",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="candidateannotation",
            name="rating_count",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="submission",
            name="vote_count",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddIndex(
            model_name="candidateannotation",
            index=models.Index(
                condition=models.Q(("state", "settled"), _negated=True),
                fields=["dataset", "-agreeing_count", "rating_count", "id"],
                name="annotation_to_rate",
            ),
        ),
        migrations.AddIndex(
            model_name="candidateannotation",
            index=models.Index(
                condition=models.Q(("state", "settled"), _negated=True),
                fields=["category", "-agreeing_count", "rating_count", "id"],
                name="annotation_to_rate_in",
            ),
        ),
        migrations.AddIndex(
            model_name="submission",
            index=models.Index(
                condition=models.Q(("state", "undecided")),
                fields=["dataset", "-vote_count", "id"],
                name="submission_to_vote_on",
            ),
        ),
        migrations.AddConstraint(
            model_name="candidateannotation",
            constraint=models.CheckConstraint(
                condition=models.Q(("agreeing_count__lte", models.F("rating_count"))),
                name="annotation_agreeing_among_rated",
            ),
        ),
    ]
