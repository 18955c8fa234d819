"""Rows as JSON. People appear by code alone; storage keys and e-mail addresses never appear."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from curation.models import (
    AnnotationState,
    CandidateAnnotation,
    Category,
    Clip,
    CollectionTask,
    Dataset,
    Job,
    Participant,
    Presence,
    Release,
    Split,
    SplitAssignment,
    Submission,
)
from curation.selectors.policies import current_policy

DISCLOSED = ("state", "consensus", "settled_at")
MAX_PATH_CHARS = 1_000
UNTIL_RATED = "Null until you have rated it, unless you run the dataset."


class DatasetSerializer(serializers.ModelSerializer[Dataset]):
    """A dataset."""

    class Meta:
        model = Dataset
        fields = ("slug", "title", "description", "created_at")
        read_only_fields = fields


class PolicySerializer(serializers.Serializer[dict[str, object]]):
    """The policy in force."""

    version = serializers.IntegerField()
    document = serializers.JSONField()


class DatasetDetailSerializer(serializers.ModelSerializer[Dataset]):
    """A dataset with its policy."""

    policy = serializers.SerializerMethodField()

    class Meta:
        model = Dataset
        fields = ("slug", "title", "description", "created_at", "policy")
        read_only_fields = fields

    @extend_schema_field(PolicySerializer)
    def get_policy(self, dataset: Dataset) -> dict[str, object]:
        """Return the policy in force."""
        row = current_policy(dataset)
        return {"version": row.version, "document": row.document}


class CategorySerializer(serializers.ModelSerializer[Category]):
    """A category with the external ids of its parents."""

    dataset = serializers.CharField(source="dataset.slug", read_only=True)
    parents: serializers.SlugRelatedField[Category] = serializers.SlugRelatedField(
        slug_field="external_id", many=True, read_only=True
    )

    class Meta:
        model = Category
        fields = ("id", "dataset", "external_id", "name", "description", "restrictions", "parents")
        read_only_fields = fields


class ParticipantSerializer(serializers.ModelSerializer[Participant]):
    """A person by code."""

    dataset = serializers.CharField(source="dataset.slug", read_only=True)

    class Meta:
        model = Participant
        fields = ("id", "dataset", "code", "number")
        read_only_fields = fields


class TaskSerializer(serializers.ModelSerializer[CollectionTask]):
    """A collection task."""

    dataset = serializers.CharField(source="dataset.slug", read_only=True)
    category = serializers.CharField(source="category.name", read_only=True)

    class Meta:
        model = CollectionTask
        fields = (
            "id",
            "dataset",
            "category",
            "title",
            "description",
            "reward",
            "target_submissions",
            "quota_per_participant",
            "is_open",
        )
        read_only_fields = fields


@extend_schema_field(OpenApiTypes.URI)
class AudioUrlField(serializers.Field[str, str, str, object]):
    """The absolute address of a row's audio as FLAC."""

    def __init__(self, *, view: str) -> None:
        super().__init__(source="*", read_only=True)
        self._view = view

    def to_representation(self, value: object) -> str:
        """Return the address."""
        return reverse(self._view, args=[value.pk], request=self.context.get("request"))  # type: ignore[attr-defined]


class SubmissionSerializer(serializers.ModelSerializer[Submission]):
    """A submission."""

    dataset = serializers.CharField(source="dataset.slug", read_only=True)
    submission = serializers.CharField(source="external_id", read_only=True)
    category = serializers.CharField(source="task.category.name", read_only=True)
    participant = serializers.CharField(source="participant.code", read_only=True)
    audio = AudioUrlField(view="submission-audio")

    class Meta:
        model = Submission
        fields = (
            "id",
            "dataset",
            "submission",
            "category",
            "participant",
            "state",
            "decision",
            "decided_at",
            "segmented_at",
            "sample_rate_hz",
            "channels",
            "frames",
            "duration_s",
            "original_sha256",
            "title",
            "device",
            "city",
            "recorded_at",
            "licence",
            "source_url",
            "created_at",
            "audio",
        )
        read_only_fields = fields


class ClipSerializer(serializers.ModelSerializer[Clip]):
    """A clip with its measures."""

    dataset = serializers.CharField(source="dataset.slug", read_only=True)
    participant = serializers.CharField(source="participant.code", read_only=True)
    submission = serializers.CharField(source="submission.external_id", read_only=True, allow_null=True, default=None)
    audio = AudioUrlField(view="clip-audio")

    class Meta:
        model = Clip
        fields = (
            "id",
            "dataset",
            "name",
            "participant",
            "submission",
            "segment_index",
            "sample_rate_hz",
            "frames",
            "duration_s",
            "loudness_lufs",
            "true_peak_dbtp",
            "clipped_share",
            "silent_share",
            "title",
            "licence",
            "source_url",
            "uploader",
            "tags",
            "created_at",
            "audio",
        )
        read_only_fields = fields


class AnnotationSerializer(serializers.ModelSerializer[CandidateAnnotation]):
    """A candidate annotation; what became of it is null for whoever may not know it yet."""

    dataset = serializers.CharField(source="dataset.slug", read_only=True)
    clip = serializers.CharField(source="clip.name", read_only=True)
    category = serializers.CharField(source="category.name", read_only=True)
    state = serializers.ChoiceField(
        choices=AnnotationState.choices, read_only=True, allow_null=True, help_text=UNTIL_RATED
    )
    consensus = serializers.ChoiceField(
        choices=Presence.choices, read_only=True, allow_blank=True, allow_null=True, help_text=UNTIL_RATED
    )

    class Meta:
        model = CandidateAnnotation
        fields = (
            "id",
            "dataset",
            "clip",
            "category",
            "source",
            "came_verified",
            "state",
            "consensus",
            "settled_at",
            "created_at",
        )
        read_only_fields = fields

    def to_representation(self, instance: CandidateAnnotation) -> dict[str, Any]:
        """Leave out what the person may not know; rows come from `curation.selectors.disclosure.with_disclosure`."""
        shown: dict[str, Any] = super().to_representation(instance)
        return shown if getattr(instance, "is_disclosed", False) else shown | dict.fromkeys(DISCLOSED)


class SplitSerializer(serializers.ModelSerializer[Split]):
    """A split with its class table."""

    dataset = serializers.CharField(source="dataset.slug", read_only=True)

    class Meta:
        model = Split
        fields = ("id", "dataset", "number", "method", "parameters", "manifest_sha256", "table", "created_at")
        read_only_fields = fields


class SplitAssignmentSerializer(serializers.ModelSerializer[SplitAssignment]):
    """The part a participant went to."""

    split = serializers.IntegerField(source="split.number", read_only=True)
    participant = serializers.CharField(source="participant.code", read_only=True)

    class Meta:
        model = SplitAssignment
        fields = ("id", "split", "participant", "subset")
        read_only_fields = fields


class ReleaseSerializer(serializers.ModelSerializer[Release]):
    """A release; its manifest stands on the release's own page."""

    dataset = serializers.CharField(source="dataset.slug", read_only=True)
    policy = serializers.IntegerField(source="policy.version", read_only=True)
    split = serializers.IntegerField(source="split.number", read_only=True)

    class Meta:
        model = Release
        fields = ("id", "dataset", "version", "policy", "split", "manifest_sha256", "created_at")
        read_only_fields = fields


class ReleaseDetailSerializer(ReleaseSerializer):
    """A release with its manifest."""

    class Meta:
        model = Release
        fields = ("id", "dataset", "version", "policy", "split", "manifest_sha256", "created_at", "manifest")
        read_only_fields = fields


class JobSerializer(serializers.ModelSerializer[Job]):
    """A job."""

    dataset = serializers.CharField(source="dataset.slug", read_only=True)

    class Meta:
        model = Job
        fields = (
            "id",
            "kind",
            "dataset",
            "state",
            "attempts",
            "max_attempts",
            "progress_done",
            "progress_total",
            "cancel_requested",
            "result",
            "error",
            "created_at",
            "started_at",
            "finished_at",
        )
        read_only_fields = fields


class WishSerializer(serializers.Serializer[dict[str, Any]]):
    """A request of which every field is known: a misspelt one would be left out, and another thing done."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse unknown fields, naming the known ones."""
        unknown = [name for name in self.initial_data if name not in self.fields]
        if unknown:
            message = f"There is no such field. Known: {', '.join(self.fields)}."
            raise serializers.ValidationError({name: [message] for name in unknown})
        return attrs


class JobRequestSerializer(WishSerializer):
    """A wish for background work; what it says beside kind and dataset depends on the kind."""

    kind = serializers.CharField(max_length=64)
    dataset = serializers.SlugField(max_length=64)
    manifest = serializers.CharField(
        required=False, max_length=MAX_PATH_CHARS, help_text="Of import-clips: a CSV below the folder of imports."
    )
    audio_root = serializers.CharField(
        required=False,
        max_length=MAX_PATH_CHARS,
        help_text="Of import-clips: a folder below the folder of imports; the manifest's where left out.",
    )
    file = serializers.CharField(
        required=False,
        max_length=MAX_PATH_CHARS,
        help_text="Of import-taxonomy: ontology.json or a CSV below the folder of imports.",
    )
