"""Ratings as rows for pages and as counts for the rule."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Count, QuerySet

from annotate.models import Rating
from curation.models import Clip, Participant
from curation.selectors.reach import any_of


def rating_counts(annotation_ids: Collection[int]) -> dict[int, dict[str, int]]:
    """Return the ratings of candidate annotations, counted by value.

    Parameters
    ----------
    annotation_ids : collection of int
        Primary keys; at most some thousands.

    Returns
    -------
    dict of int to dict of str to int
        Counts by PP, PNP, NP and U where there are any; every annotation asked for is there.
    """
    counts: dict[int, dict[str, int]] = {pk: {} for pk in annotation_ids}
    rows = (
        Rating.objects.filter(annotation_id__in=annotation_ids)
        .order_by()
        .values_list("annotation_id", "presence")
        .annotate(count=Count("pk"))
    )
    for pk, presence, count in rows:
        counts[pk][presence] = count
    return counts


def ratings_of(clip: Clip) -> QuerySet[Rating]:
    """Return the ratings on all candidate annotations of a clip, by category, in the order of rating."""
    return (
        Rating.objects.filter(annotation__clip=clip)
        .select_related("annotation__category", "annotator")
        .order_by("annotation__category__name", "pk")
    )


def ratings_by(people: Collection[int]) -> QuerySet[Rating]:
    """Return the ratings that some people have given, named by their keys; in no order."""
    return Rating.objects.filter(any_of("annotator", people)).order_by()


def ratings_given(annotator: Participant) -> int:
    """Return how many ratings a person has given; the person is of one dataset, so are the ratings."""
    return Rating.objects.filter(annotator=annotator).count()
