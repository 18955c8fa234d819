"""One clip with everything that its page shows, for one person."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from django.contrib.auth.models import AnonymousUser
from django.db.models import OuterRef, QuerySet, Subquery

from curation.models import CandidateAnnotation, Clip, Dataset, SplitAssignment, User
from curation.selectors.access import audible_clips_in
from curation.selectors.disclosure import with_disclosure
from curation.selectors.reach import Reach

LATEST_SPLITS = 20


def clips_with_neighbours(user: User | AnonymousUser, dataset: Dataset, roles: AbstractSet[str]) -> QuerySet[Clip]:
    """Return the clips of a dataset that a person may hear, each knowing the one before and after it.

    Parameters
    ----------
    user : User or AnonymousUser
        Who listens.
    dataset : Dataset
        Where.
    roles : set of str
        What the person is there.

    Returns
    -------
    QuerySet of Clip
        With participant, submission and task, and ``previous_pk`` and ``next_pk`` (None at the ends) among the
        clips that this person may hear.
    """
    audible = audible_clips_in(user, dataset, roles)
    before = audible.filter(pk__lt=OuterRef("pk")).order_by("-pk").values("pk")[:1]
    after = audible.filter(pk__gt=OuterRef("pk")).order_by("pk").values("pk")[:1]
    return audible.select_related("participant", "submission__participant", "submission__task__category").annotate(
        previous_pk=Subquery(before), next_pk=Subquery(after)
    )


def annotations_of(clip: Clip, reach: Reach) -> QuerySet[CandidateAnnotation]:
    """Return a clip's candidate annotations with their categories, by name, and whether they are disclosed."""
    return with_disclosure(clip.annotations.select_related("category"), reach).order_by("category__name", "pk")


def split_assignments_of(clip: Clip) -> QuerySet[SplitAssignment]:
    """Return where the latest splits put a clip, which is where they put its participant; newest first."""
    return (
        SplitAssignment.objects.filter(participant=clip.participant_id, split__dataset=clip.dataset_id)
        .select_related("split")
        .order_by("-split__number")[:LATEST_SPLITS]
    )
