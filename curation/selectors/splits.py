"""What a split is made of, and what a split says.

Names are sorted by code point, by the database, so that the order (and with it a manifest's checksum) is the
same on SQLite and PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Count, QuerySet

from curation.models import CandidateAnnotation, Dataset, Presence, Split, Subset
from curation.selectors.code_points import CodePoints

FETCHED_ROWS = 20_000


def releasable_annotations(dataset: Dataset) -> QuerySet[CandidateAnnotation]:
    """Return the candidate annotations that may be released: all but those settled as not present."""
    return CandidateAnnotation.objects.filter(dataset=dataset).exclude(consensus=Presence.NP)


def releasable_rows(dataset: Dataset) -> Iterator[tuple[str, int, int]]:
    """Yield the clip name, category and participant of each releasable annotation, by clip and category name."""
    rows = (
        releasable_annotations(dataset)
        .order_by(CodePoints("clip__name"), CodePoints("category__name"))
        .values_list("clip__name", "category_id", "clip__participant_id")
    )
    return rows.iterator(chunk_size=FETCHED_ROWS)


def latest_split(dataset: Dataset) -> Split | None:
    """Return the dataset's newest split, if it has one."""
    return Split.objects.filter(dataset=dataset).order_by("-number").first()


def subset_by_participant(split: Split) -> dict[int, str]:
    """Return the part of each participant, by the participant's primary key."""
    return dict(split.assignments.values_list("participant_id", "subset"))


def participants_by_subset(split: Split) -> dict[str, int]:
    """Return how many participants each part has."""
    found = dict(split.assignments.values_list("subset").annotate(Count("id")))
    return {subset: found.get(subset, 0) for subset in Subset.values}


def split_clips(split: Split) -> Iterator[tuple[str, str]]:
    """Yield the name and the part of each releasable clip of the participants that the split knows, by name."""
    subsets = subset_by_participant(split)
    before = None
    for clip, _, participant in releasable_rows(split.dataset):
        if clip != before and participant in subsets:
            yield clip, subsets[participant]
        before = clip
