"""Quality estimates of a dataset's categories, and how far rating has come.

Every rating of a category counts, also those of annotations that came verified from where they were imported.
FSDKaggle2018, section 3.3, estimates the quality of the annotations that are not verified from the ratings "gathered
in the category", and leaves open whether ratings of verified ones are among them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from django.db.models import Count

from annotate.domain.quality import QualityEstimate, quality_estimate
from annotate.models import Rating
from curation.models import AnnotationState, CandidateAnnotation, Category, Dataset, Presence


@dataclass(frozen=True, kw_only=True)
class CategoryQuality:
    """How one category's candidate annotations were rated.

    Attributes
    ----------
    category_id : int
        Primary key.
    name, external_id : str
        The category.
    settled, undecided, unrated : int
        Candidate annotations by state.
    estimate : QualityEstimate
        Ratings by value, quality estimate and interval.
    """

    category_id: int
    name: str
    external_id: str
    settled: int
    undecided: int
    unrated: int
    estimate: QualityEstimate

    @property
    def annotations(self) -> int:
        """Candidate annotations in all."""
        return self.settled + self.undecided + self.unrated


def quality_table(dataset: Dataset) -> list[CategoryQuality]:
    """Return the quality of every category that has candidate annotations, by name.

    Three queries, however many categories there are; they read every rating, so pages at a million clips keep
    the answer.

    Parameters
    ----------
    dataset : Dataset
        Whose categories.

    Returns
    -------
    list of CategoryQuality
        In the order of the names' code points, the same on every database.

    References
    ----------
    FSDKaggle2018, section 3.3, equation (1).
    """
    states = annotation_states(dataset)
    counts = _rating_counts(dataset)
    nobody = dict.fromkeys(Presence.values, 0)
    table = []
    for category in Category.objects.filter(dataset=dataset, pk__in=states).only("pk", "name", "external_id"):
        rated = counts.get(category.pk, nobody)
        table.append(
            CategoryQuality(
                category_id=category.pk,
                name=category.name,
                external_id=category.external_id,
                settled=states[category.pk][AnnotationState.SETTLED],
                undecided=states[category.pk][AnnotationState.UNDECIDED],
                unrated=states[category.pk][AnnotationState.UNRATED],
                estimate=quality_estimate(rated["PP"], rated["PNP"], rated["NP"], rated["U"]),
            )
        )
    return sorted(table, key=lambda quality: quality.name)


def quality_rows(dataset: Dataset) -> list[dict[str, Any]]:
    """Return `quality_table` as plain values, for a summary that is kept and for the API."""
    return [
        {
            "id": quality.category_id,
            "name": quality.name,
            "external_id": quality.external_id,
            "annotations": quality.annotations,
            "settled": quality.settled,
            "undecided": quality.undecided,
            "unrated": quality.unrated,
            **asdict(quality.estimate),
        }
        for quality in quality_table(dataset)
    ]


def annotation_states(dataset: Dataset) -> dict[int, dict[str, int]]:
    """Count candidate annotations by category and state; an index holds all that is read."""
    rows = (
        CandidateAnnotation.objects.filter(dataset=dataset)
        .order_by()
        .values_list("category_id", "state")
        .annotate(count=Count("*"))
    )
    return _nested(rows, AnnotationState.values)


def _rating_counts(dataset: Dataset) -> dict[int, dict[str, int]]:
    rows = (
        Rating.objects.filter(annotation__dataset=dataset)
        .order_by()
        .values_list("annotation__category_id", "presence")
        .annotate(count=Count("*"))
    )
    return _nested(rows, Presence.values)


def state_counts(dataset: Dataset) -> dict[str, int]:
    """Return the number of candidate annotations in each state; absent states count 0."""
    rows = (
        CandidateAnnotation.objects.filter(dataset=dataset).order_by().values_list("state").annotate(count=Count("*"))
    )
    return {**dict.fromkeys(AnnotationState.values, 0), **dict(rows)}


def _nested(rows: Iterable[tuple[int, str, int]], keys: Iterable[str]) -> dict[int, dict[str, int]]:
    inner = list(keys)
    nested: defaultdict[int, dict[str, int]] = defaultdict(lambda: dict.fromkeys(inner, 0))
    for outer, key, count in rows:
        nested[outer][key] = count
    return dict(nested)
