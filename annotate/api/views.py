"""Ratings and quality estimates through the API."""

from __future__ import annotations

from typing import Any, cast

import django_filters
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotate.models import Rating
from annotate.models.rating import RatingSource
from annotate.services.quality import quality_figures
from annotate.services.ratings import RatingRefusedError, record_rating
from curation.api.filters import NamedChoiceFilter, ReachedFilter
from curation.api.parameters import refuse_unknown
from curation.api.permissions import require_role
from curation.api.views import person, reach
from curation.models import CandidateAnnotation, Category, Clip, Presence, Role
from curation.selectors.access import visible_datasets
from curation.selectors.reach import among, any_of, reached_annotations, reached_judgements
from curation.services.participants import participant_for_user

RATES_CLIPS = (Role.ANNOTATOR,)


class RatingFilter(ReachedFilter):
    """Narrow ratings by dataset, clip, category, annotator and value."""

    clip = django_filters.CharFilter(field_name="annotation", method="by_clip")
    category = django_filters.CharFilter(field_name="annotation", method="by_category")
    annotator = django_filters.CharFilter(field_name="annotator", method="by_person")
    presence = NamedChoiceFilter(choices=Presence.choices)

    class Meta:
        model = Rating
        fields: tuple[str, ...] = ()

    def by_clip(self, queryset: QuerySet[Rating], name: str, value: str) -> QuerySet[Rating]:
        """Keep ratings of candidate annotations of the clip."""
        clips = self.keys(Clip.objects.filter(name=value))
        return queryset.filter(among(name, CandidateAnnotation.objects.filter(clip__in=clips)))

    def by_category(self, queryset: QuerySet[Rating], name: str, value: str) -> QuerySet[Rating]:
        """Keep ratings of candidate annotations of the category."""
        categories = self.keys(Category.objects.filter(name=value))
        return queryset.filter(among(name, CandidateAnnotation.objects.filter(any_of("category", categories))))


class RatingSerializer(serializers.ModelSerializer[Rating]):
    """A rating."""

    dataset = serializers.CharField(source="annotation.dataset.slug", read_only=True)
    clip = serializers.CharField(source="annotation.clip.name", read_only=True)
    category = serializers.CharField(source="annotation.category.name", read_only=True)
    annotator = serializers.CharField(source="annotator.code", read_only=True)

    class Meta:
        model = Rating
        fields = ("id", "dataset", "clip", "category", "annotator", "presence", "created_at")
        read_only_fields = fields


class RatingRequestSerializer(serializers.Serializer[dict[str, object]]):
    """What an annotator says of one candidate annotation."""

    annotation_id = serializers.IntegerField(help_text="The candidate annotation's `id`.")
    presence = serializers.ChoiceField(
        choices=Presence.choices,
        error_messages={"invalid_choice": f"{{input}} is none of the choices: {', '.join(Presence.values)}."},
    )


class RatingViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Rating]):
    """Ratings: a curator sees all of the dataset, whoever has a role there their own."""

    queryset = Rating.objects.none()
    serializer_class = RatingSerializer
    filterset_class = RatingFilter

    def get_queryset(self) -> QuerySet[Rating]:
        """Keep what the person may see."""
        ratings = Rating.objects.select_related(
            "annotation__dataset", "annotation__clip", "annotation__category", "annotator"
        )
        claims = CandidateAnnotation.objects.all()
        return reached_judgements(ratings, reach(self), judged=claims, of="annotation", by="annotator")

    @extend_schema(request=RatingRequestSerializer, responses={201: RatingSerializer, 409: None})
    def create(self, request: Request) -> Response:
        """Rate a candidate annotation; a rating is given once and stays."""
        wish = RatingRequestSerializer(data=request.data)
        wish.is_valid(raise_exception=True)
        answers = cast("dict[str, Any]", wish.validated_data)
        annotation = get_object_or_404(
            reached_annotations(reach(self)).select_related("dataset"), pk=answers["annotation_id"]
        )
        require_role(person(request), annotation.dataset, RATES_CLIPS)
        try:
            rating = record_rating(
                annotation=annotation,
                annotator=participant_for_user(dataset=annotation.dataset, user=person(request)),
                presence=Presence(answers["presence"]),
                source=RatingSource.API,
            )
        except RatingRefusedError as error:
            return Response({"reason": error.reason, "detail": error.detail}, status=status.HTTP_409_CONFLICT)
        return Response(self.get_serializer(rating).data, status=status.HTTP_201_CREATED)


class CategoryQualitySerializer(serializers.Serializer[dict[str, Any]]):
    """How one category's candidate annotations were rated (FSDKaggle2018, equation 1)."""

    category = serializers.CharField(source="name")
    external_id = serializers.CharField()
    annotations = serializers.IntegerField()
    settled = serializers.IntegerField()
    undecided = serializers.IntegerField()
    unrated = serializers.IntegerField()
    pp = serializers.IntegerField()
    pnp = serializers.IntegerField()
    np = serializers.IntegerField()
    u = serializers.IntegerField()
    qe = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(help_text="Wilson interval, 95 %.")
    high = serializers.FloatField()


class QualitySerializer(serializers.Serializer[dict[str, Any]]):
    """The quality estimates of a dataset."""

    as_of = serializers.DateTimeField(help_text="When the ratings were counted.")
    categories = CategoryQualitySerializer(many=True)


class QualityView(APIView):
    """Quality estimates of a dataset's categories, all of them: there are as many as there are classes."""

    @extend_schema(responses=QualitySerializer)
    def get(self, request: Request, slug: str) -> Response:
        """Return one row per category that has candidate annotations; of a large dataset, as counted last."""
        refuse_unknown(request)
        dataset = get_object_or_404(visible_datasets(person(request)), slug=slug)
        as_of, categories = quality_figures(dataset=dataset)
        return Response(QualitySerializer({"as_of": as_of, "categories": categories}).data)
