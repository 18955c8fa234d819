"""What lists can be narrowed by: an allow-list, column by column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet

from curation.models import (
    AnnotationState,
    CandidateAnnotation,
    Category,
    Clip,
    CollectionTask,
    Job,
    JobState,
    Participant,
    Release,
    Split,
    SplitAssignment,
    Submission,
    SubmissionState,
)
from curation.selectors.disclosure import disclosed
from curation.selectors.reach import among, any_of, pointing, reach_of


class WholeNumberFilter(django_filters.NumberFilter):
    """A number of digits alone: `1e99999999` as a decimal number would keep a processor busy for hours."""

    field_class = forms.IntegerField


class NamedChoiceFilter(django_filters.ChoiceFilter):
    """One of a few words; another one is told which."""

    def __init__(self, *, choices: Sequence[tuple[str, Any]], **options: Any) -> None:
        words = ", ".join(word for word, _ in choices)
        message = f"%(value)s is none of the choices: {words}."
        super().__init__(choices=choices, error_messages={"invalid_choice": message}, **options)


class DatasetFilter(django_filters.FilterSet):
    """Narrow to one dataset by its slug."""

    dataset = django_filters.CharFilter(field_name="dataset__slug")


class ReachedFilter(django_filters.FilterSet):
    """Narrow what a view has found by `curation.selectors.reach`, names first turned into keys.

    A condition on a name in another table would lead databases to read from there and to sort what they find.
    """

    dataset = django_filters.CharFilter(method="keep")

    def keep(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:  # noqa: ARG002 -- django-filter's signature
        """Leave narrowing by dataset to the view: what a person reaches depends on it."""
        return queryset

    def of_dataset(self, rows: QuerySet[Any], column: str = "dataset") -> QuerySet[Any]:
        """Keep the dataset's rows if the request names one."""
        slug = self.form.cleaned_data.get("dataset")
        return rows.filter(**{f"{column}__slug": slug}) if slug else rows

    def keys(self, rows: QuerySet[Any]) -> list[int]:
        """Return the keys of the rows of a name: one in each dataset."""
        return list(self.of_dataset(rows).order_by().values_list("pk", flat=True))

    def by_person(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Keep the rows of the person of this code."""
        return pointing(queryset, name, self.keys(Participant.objects.filter(code=value)))


class CategoryFilter(DatasetFilter):
    """Narrow categories by dataset and name."""

    name = django_filters.CharFilter(field_name="name")

    class Meta:
        model = Category
        fields: tuple[str, ...] = ()


class ParticipantFilter(DatasetFilter):
    """Narrow participants by dataset and code."""

    code = django_filters.CharFilter(field_name="code")

    class Meta:
        model = Participant
        fields: tuple[str, ...] = ()


class SubmissionFilter(ReachedFilter):
    """Narrow submissions by dataset, state, category and participant."""

    state = NamedChoiceFilter(choices=SubmissionState.choices)
    category = django_filters.CharFilter(field_name="task", method="by_category")
    participant = django_filters.CharFilter(field_name="participant", method="by_person")

    class Meta:
        model = Submission
        fields: tuple[str, ...] = ()

    def by_category(self, queryset: QuerySet[Submission], name: str, value: str) -> QuerySet[Submission]:
        """Keep submissions to collection tasks of the category."""
        return pointing(queryset, name, self.keys(CollectionTask.objects.filter(category__name=value)))


class ClipFilter(ReachedFilter):
    """Narrow clips by dataset, category, participant and submission."""

    category = django_filters.CharFilter(field_name="pk", method="by_category")
    participant = django_filters.CharFilter(field_name="participant", method="by_person")
    submission = django_filters.CharFilter(field_name="submission", method="by_submission")

    class Meta:
        model = Clip
        fields: tuple[str, ...] = ()

    def by_category(self, queryset: QuerySet[Clip], name: str, value: str) -> QuerySet[Clip]:
        """Keep clips with a candidate annotation of the category."""
        categories = self.keys(Category.objects.filter(name=value))
        claims = CandidateAnnotation.objects.filter(any_of("category", categories))
        return queryset.filter(among(name, claims, "clip"))

    def by_submission(self, queryset: QuerySet[Clip], name: str, value: str) -> QuerySet[Clip]:
        """Keep clips that were cut from the submission."""
        return pointing(queryset, name, self.keys(Submission.objects.filter(external_id=value)))


class AnnotationFilter(ReachedFilter):
    """Narrow candidate annotations by dataset, category, clip and state."""

    category = django_filters.CharFilter(field_name="category", method="by_category")
    clip = django_filters.CharFilter(field_name="clip", method="by_clip")
    state = NamedChoiceFilter(choices=AnnotationState.choices, method="by_state")

    class Meta:
        model = CandidateAnnotation
        fields: tuple[str, ...] = ()

    def by_category(
        self, queryset: QuerySet[CandidateAnnotation], name: str, value: str
    ) -> QuerySet[CandidateAnnotation]:
        """Keep claims of the category."""
        return pointing(queryset, name, self.keys(Category.objects.filter(name=value)))

    def by_state(self, queryset: QuerySet[CandidateAnnotation], name: str, value: str) -> QuerySet[CandidateAnnotation]:
        """Keep claims in the state, of those whose state the person may know."""
        reach = reach_of(self.request.user, self.form.cleaned_data.get("dataset") or "")
        return disclosed(queryset, reach).filter(**{name: value})

    def by_clip(self, queryset: QuerySet[CandidateAnnotation], name: str, value: str) -> QuerySet[CandidateAnnotation]:
        """Keep claims about the clip."""
        return pointing(queryset, name, self.keys(Clip.objects.filter(name=value)))


class TaskFilter(DatasetFilter):
    """Narrow collection tasks by dataset and the name of their category."""

    category = django_filters.CharFilter(field_name="category__name")

    class Meta:
        model = CollectionTask
        fields: tuple[str, ...] = ()


class ReleaseFilter(DatasetFilter):
    """Narrow releases by dataset and version."""

    class Meta:
        model = Release
        fields = ("version",)


class SplitFilter(DatasetFilter):
    """Narrow splits by dataset and number."""

    number = WholeNumberFilter(field_name="number")

    class Meta:
        model = Split
        fields: tuple[str, ...] = ()


class SplitAssignmentFilter(django_filters.FilterSet):
    """Narrow assignments by dataset, split and part."""

    dataset = django_filters.CharFilter(field_name="split__dataset__slug")
    split = WholeNumberFilter(field_name="split__number")

    class Meta:
        model = SplitAssignment
        fields = ("subset",)


class JobFilter(DatasetFilter):
    """Narrow jobs by dataset, state and kind."""

    state = NamedChoiceFilter(choices=JobState.choices)

    class Meta:
        model = Job
        fields = ("kind",)
