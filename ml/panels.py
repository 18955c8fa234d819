"""The place in the top bar that leads to label verification, and what the newest run found on the dataset page."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from curation.models import Role
from curation.registry import DatasetPanel, NavPlace

VERIFICATION_PART = "verification"
RUNS_VERIFICATION = frozenset({Role.CURATOR.value, Role.ENGINEER.value})

PANEL = DatasetPanel(
    name="verification",
    order=60,
    template="panels/verification.html",
    part=VERIFICATION_PART,
    roles=RUNS_VERIFICATION,
)

PLACE = NavPlace(
    name="verification",
    order=55,
    label=_("Verification"),
    call=_("Let machines check labels"),
    icon="verification",
    roles=RUNS_VERIFICATION,
)
