"""One submission with everything that its page shows, for one person."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from django.contrib.auth.models import AnonymousUser
from django.db.models import OuterRef, QuerySet, Subquery

from curation.models import Clip, Dataset, Submission, User
from curation.selectors.access import audible_clips, audible_submissions_in


def submissions_with_neighbours(
    user: User | AnonymousUser, dataset: Dataset, roles: AbstractSet[str]
) -> QuerySet[Submission]:
    """Return the submissions of a dataset that a person may hear, each knowing the one before and after it.

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
    QuerySet of Submission
        With participant, task and category, and ``previous_pk`` and ``next_pk`` (None at the ends) among the
        submissions that this person may hear.
    """
    audible = audible_submissions_in(user, dataset, roles)
    before = audible.filter(pk__lt=OuterRef("pk")).order_by("-pk").values("pk")[:1]
    after = audible.filter(pk__gt=OuterRef("pk")).order_by("pk").values("pk")[:1]
    return audible.select_related("participant", "task__category").annotate(
        previous_pk=Subquery(before), next_pk=Subquery(after)
    )


def audible_clips_of(user: User | AnonymousUser, submission: Submission) -> QuerySet[Clip]:
    """Return the clips cut from a submission that a person may hear, in their order."""
    return audible_clips(user).filter(submission=submission).order_by("segment_index")
