"""Name models as people call them, in words that can be translated."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("curation", "0008_clip_name_key"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="clip",
            options={"ordering": ("id",), "verbose_name": "clip", "verbose_name_plural": "clips"},
        ),
        migrations.AlterModelOptions(
            name="dataset",
            options={"ordering": ("slug",), "verbose_name": "dataset", "verbose_name_plural": "datasets"},
        ),
        migrations.AlterModelOptions(
            name="datasetpolicy",
            options={
                "ordering": ("dataset", "-version"),
                "verbose_name": "dataset policy",
                "verbose_name_plural": "dataset policies",
            },
        ),
        migrations.AlterModelOptions(
            name="importrun",
            options={"ordering": ("-finished_at",), "verbose_name": "import", "verbose_name_plural": "imports"},
        ),
        migrations.AlterModelOptions(
            name="job",
            options={"ordering": ("-created_at", "-id"), "verbose_name": "job", "verbose_name_plural": "jobs"},
        ),
        migrations.AlterModelOptions(
            name="membership",
            options={
                "ordering": ("dataset", "user", "role"),
                "verbose_name": "role in a dataset",
                "verbose_name_plural": "roles in datasets",
            },
        ),
        migrations.AlterModelOptions(
            name="participant",
            options={"ordering": ("code",), "verbose_name": "participant", "verbose_name_plural": "participants"},
        ),
        migrations.AlterModelOptions(
            name="release",
            options={"ordering": ("dataset", "-id"), "verbose_name": "release", "verbose_name_plural": "releases"},
        ),
        migrations.AlterModelOptions(
            name="split",
            options={"ordering": ("dataset", "-number"), "verbose_name": "split", "verbose_name_plural": "splits"},
        ),
        migrations.AlterModelOptions(
            name="submission",
            options={"ordering": ("id",), "verbose_name": "submission", "verbose_name_plural": "submissions"},
        ),
        migrations.AlterModelOptions(
            name="user",
            options={"verbose_name": "account", "verbose_name_plural": "accounts"},
        ),
    ]
