"""What predictions can be narrowed by."""

from __future__ import annotations

import django_filters
from django.db.models import QuerySet

from curation.models import CandidateAnnotation, Category, Clip
from curation.selectors.reach import any_of
from ml.models import Prediction


class PredictionFilter(django_filters.FilterSet):
    """Narrow a run's predictions by the category that is claimed and by the clip, both by name.

    Names become keys first, so that an index has the rows in their order.
    """

    category = django_filters.CharFilter(method="by_category", help_text="Name of the category that is claimed.")
    clip = django_filters.CharFilter(method="by_clip", help_text="Name of the clip.")

    class Meta:
        model = Prediction
        fields: tuple[str, ...] = ()

    def by_category(self, queryset: QuerySet[Prediction], name: str, value: str) -> QuerySet[Prediction]:
        """Keep claims of the category."""
        found = Category.objects.filter(dataset__slug=self._slug, name=value).values_list("pk", flat=True)
        return queryset.filter(any_of(name, found))

    def by_clip(self, queryset: QuerySet[Prediction], name: str, value: str) -> QuerySet[Prediction]:  # noqa: ARG002 -- django-filter's signature
        """Keep claims about the clip."""
        clips = Clip.objects.filter(dataset__slug=self._slug, name=value).values_list("pk", flat=True)
        claims = CandidateAnnotation.objects.filter(any_of("clip", clips)).values_list("pk", flat=True)
        return queryset.filter(any_of("annotation", claims))

    @property
    def _slug(self) -> str:
        slug: str = self.request.parser_context["kwargs"]["slug"]
        return slug
