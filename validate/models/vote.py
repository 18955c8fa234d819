"""One person's judgement of one submission (CochlScene II.C)."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from curation.models import AppendOnlyModel, AppendOnlyQuerySet, Participant, Submission


class VoteSource(models.TextChoices):
    """How a vote came in."""

    WEB = "web", _("Browser")
    API = "api", _("API")
    IMPORT = "import", _("Import")


class Vote(AppendOnlyModel):
    """Yes or no on gain, privacy and acoustic cue."""

    # Both are indexed below, alone or by a constraint.
    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="+", db_index=False)
    voter = models.ForeignKey(Participant, on_delete=models.PROTECT, related_name="+", db_index=False)
    gain = models.BooleanField()
    privacy = models.BooleanField()
    acoustic_cue = models.BooleanField()
    # 1 for the first vote on the submission; unique, so that two votes at once cannot pass the policy's most.
    position = models.PositiveSmallIntegerField()
    source = models.CharField(max_length=8, choices=VoteSource)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AppendOnlyQuerySet["Vote"].as_manager()

    class Meta:
        ordering = ("submission", "position")
        constraints = (
            models.UniqueConstraint(fields=["submission", "voter"], name="vote_once_per_person"),
            models.UniqueConstraint(fields=["submission", "position"], name="vote_position_unique"),
            models.CheckConstraint(condition=Q(position__range=(1, 99)), name="vote_position_in_range"),
            models.CheckConstraint(condition=Q(source__in=VoteSource.values), name="vote_source_known"),
        )
        indexes = (models.Index(fields=["voter", "id"], name="vote_by_voter"),)

    def __str__(self) -> str:
        return f"{self.voter_id} on {self.submission_id}"
