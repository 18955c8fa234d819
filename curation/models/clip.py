"""Clips and the candidate annotations on them (Freesound Datasets: "category X is in clip Y")."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from curation.models.collection import Submission
from curation.models.dataset import Dataset
from curation.models.name_key import NameKeyField
from curation.models.participant import Participant
from curation.models.taxonomy import Category


class Clip(models.Model):
    """One audio item that is labelled: a segment of a submission, or an imported file.

    Its audio is WAV, 16 bit, mono, at the policy's rate, under a key that the server made.
    """

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="clips")
    participant = models.ForeignKey(Participant, on_delete=models.PROTECT, related_name="clips")
    # The file name in a release, with forward slashes, ending in .wav.
    name = models.CharField(max_length=255)
    # Never empty; nullable only so that SQLite can add it without writing the table anew.
    name_key = NameKeyField(null=True, editable=False)
    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, null=True, blank=True, related_name="clips")
    segment_index = models.PositiveIntegerField(null=True, blank=True)

    audio_key = models.CharField(max_length=200)
    sample_rate_hz = models.PositiveIntegerField()
    frames = models.PositiveBigIntegerField()
    duration_s = models.FloatField()
    loudness_lufs = models.FloatField(null=True, blank=True)  # empty: too short or too quiet for BS.1770 gating
    true_peak_dbtp = models.FloatField(null=True, blank=True)  # empty: digital silence
    clipped_share = models.FloatField(null=True, blank=True)
    silent_share = models.FloatField(null=True, blank=True)

    # Imported clips only: the file as it came.
    source_path = models.CharField(max_length=500, blank=True)
    original_key = models.CharField(max_length=200, blank=True)
    original_sha256 = models.CharField(max_length=64, blank=True)

    title = models.CharField(max_length=300, blank=True)
    licence = models.CharField(max_length=64, blank=True)
    source_url = models.CharField(max_length=500, blank=True)
    uploader = models.CharField(max_length=200, blank=True)
    tags: models.JSONField[list[str], list[str]] = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("clip")
        verbose_name_plural = _("clips")
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(fields=["dataset", "name"], name="clip_name_unique"),
            models.UniqueConstraint(
                fields=["submission", "segment_index"],
                condition=Q(submission__isnull=False),
                name="clip_segment_unique",
            ),
            models.UniqueConstraint(
                fields=["dataset", "original_sha256"],
                condition=~Q(original_sha256=""),
                name="clip_audio_unique",
            ),
            models.CheckConstraint(
                condition=Q(submission__isnull=True, segment_index__isnull=True)
                | Q(submission__isnull=False, segment_index__isnull=False),
                name="clip_segment_or_import",
            ),
            models.CheckConstraint(
                condition=Q(frames__gte=1) & Q(sample_rate_hz__gte=1) & Q(duration_s__gt=0), name="clip_audio_not_empty"
            ),
            models.CheckConstraint(
                condition=(Q(clipped_share__isnull=True) | Q(clipped_share__range=(0, 1)))
                & (Q(silent_share__isnull=True) | Q(silent_share__range=(0, 1))),
                name="clip_shares_in_range",
            ),
        )
        indexes = (
            models.Index(fields=["dataset", "id"], name="clip_by_dataset"),
            models.Index(fields=["dataset", "name_key"], name="clip_by_name_key"),
        )

    def __str__(self) -> str:
        return self.name


class Presence(models.TextChoices):
    """The four answers to "Is <category> present?" (FSDKaggle2018 table 1)."""

    PP = "PP", _("Present and predominant")
    PNP = "PNP", _("Present but not predominant")
    NP = "NP", _("Not present")
    U = "U", _("Unsure")


class AnnotationState(models.TextChoices):
    """Where a candidate annotation stands; `annotate` computes it from ratings."""

    UNRATED = "unrated", _("Not rated")
    UNDECIDED = "undecided", _("Undecided")  # rated, but no value has agreement, or two have
    SETTLED = "settled", _("Settled")


class AnnotationSource(models.TextChoices):
    """Who claims that the category is in the clip."""

    SUBMISSION = "submission", _("Collection task")  # the class the participant recorded
    IMPORT = "import", _("Import")  # a column of a manifest
    TAGS = "tags", _("Tags")  # mapped from the uploader's tags
    MODEL = "model", _("Model")


class CandidateAnnotation(models.Model):
    """The claim that one category is in one clip, and what the crowd made of it."""

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="annotations")
    clip = models.ForeignKey(Clip, on_delete=models.PROTECT, related_name="annotations")
    # Indexed below, together with the clip.
    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="annotations", db_index=False)
    source = models.CharField(max_length=12, choices=AnnotationSource)
    # True if the manifest that brought the clip says that a person had verified the label.
    came_verified = models.BooleanField(default=False)
    state = models.CharField(max_length=12, choices=AnnotationState, default=AnnotationState.UNRATED)
    consensus = models.CharField(max_length=3, choices=Presence, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    # Ratings given so far, and the most annotators who agree on one of PP, PNP and NP: kept beside the
    # ratings so that those closest to agreement can be served first.
    rating_count = models.PositiveIntegerField(default=0)
    agreeing_count = models.PositiveIntegerField(default=0)
    # How early people should hear it, 0 to 1, as label verification last found; 0 where nothing is known. Kept here so
    # that one index serves what is to be rated, whatever the number of clips.
    review_priority = models.FloatField(default=0.0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(fields=["clip", "category"], name="annotation_unique"),
            models.CheckConstraint(condition=Q(source__in=AnnotationSource.values), name="annotation_source_known"),
            models.CheckConstraint(
                condition=Q(state=AnnotationState.SETTLED, consensus__in=["PP", "PNP", "NP"], settled_at__isnull=False)
                | Q(
                    state__in=[AnnotationState.UNRATED, AnnotationState.UNDECIDED],
                    consensus="",
                    settled_at__isnull=True,
                ),
                name="annotation_consensus_when_settled",
            ),
            models.CheckConstraint(
                condition=Q(agreeing_count__lte=models.F("rating_count")), name="annotation_agreeing_among_rated"
            ),
        )
        indexes = (
            models.Index(fields=["dataset", "category", "state", "clip"], name="annotation_by_category_state"),
            models.Index(fields=["category", "clip"], name="annotation_by_category"),
            models.Index(fields=["dataset", "state", "id"], name="annotation_by_state"),
            models.Index(fields=["dataset", "state", "clip"], name="annotation_clips_by_state"),
            models.Index(
                fields=["dataset", "-agreeing_count", "-review_priority", "rating_count", "id"],
                condition=~Q(state=AnnotationState.SETTLED),
                name="annotation_to_rate",
            ),
            models.Index(
                fields=["category", "-agreeing_count", "-review_priority", "rating_count", "id"],
                condition=~Q(state=AnnotationState.SETTLED),
                name="annotation_to_rate_in",
            ),
        )

    def __str__(self) -> str:
        return f"{self.category_id} in {self.clip_id}"
