"""People inside a dataset, by pseudonym.

One person has one row per dataset, whatever they do there: record (participant), vote, rate (annotator).
That one row is what lets a split keep a person in one part and lets nobody vote on an own recording.
The code is what files and people use and what is exported; an e-mail address is refused as a code.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from curation.models.dataset import Dataset


class Participant(models.Model):
    """A person of one dataset."""

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="participants")
    code = models.CharField(max_length=64)
    # NNNN of `user{NNNN}` in the file names of segments (CochlScene II.D).
    number = models.PositiveIntegerField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="participants"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("participant")
        verbose_name_plural = _("participants")
        ordering = ("code",)
        constraints = (
            models.UniqueConstraint(fields=["dataset", "code"], name="participant_code_unique"),
            models.UniqueConstraint(fields=["dataset", "number"], name="participant_number_unique"),
            models.UniqueConstraint(
                fields=["dataset", "user"],
                condition=models.Q(user__isnull=False),
                name="participant_one_per_account",
            ),
            models.CheckConstraint(
                condition=~models.Q(code="") & ~models.Q(code__contains="@"), name="participant_code_is_pseudonym"
            ),
        )

    def __str__(self) -> str:
        return self.code
