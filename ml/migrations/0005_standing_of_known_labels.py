"""Say of the predictions that are there what has become of their labels."""

from __future__ import annotations

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.db.models import Exists, OuterRef, Q, Subquery


def fill(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Close what is verified, settled or accepted, and name the acceptances in force."""
    alias = schema_editor.connection.alias
    events = apps.get_model("ml", "AcceptanceEvent").objects.using(alias)
    annotations = apps.get_model("curation", "CandidateAnnotation").objects.using(alias)
    predictions = apps.get_model("ml", "Prediction").objects.using(alias)
    later = events.filter(annotation=OuterRef("annotation"), pk__gt=OuterRef("pk"))
    standing = events.filter(~Exists(later), kind="accept", annotation=OuterRef("annotation")).order_by()
    settled = annotations.filter(pk=OuterRef("annotation"), state="settled")
    predictions.filter(Q(basis__in=("verified", "rejected")) | Exists(settled) | Exists(standing)).update(is_open=False)
    own = standing.filter(run=OuterRef("run"))
    predictions.filter(Exists(own)).update(acceptance=Subquery(own.values("pk")[:1]))


class Migration(migrations.Migration):
    dependencies = [("ml", "0004_label_standing")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
