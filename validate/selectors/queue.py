"""Which submission a person is asked to vote on next."""

from __future__ import annotations

from django.db.models import Count, Exists, OuterRef, QuerySet

from curation.models import CollectionTask, Dataset, Participant, Submission, SubmissionState
from curation.selectors.policies import current_policy
from validate.models import Vote


def open_submissions(dataset: Dataset, participant: Participant) -> QuerySet[Submission]:
    """Return the submissions that a person may vote on now, in the order in which they are served.

    Undecided, recorded by somebody else, not voted on by this person, and with votes left under the policy.
    Those with most votes come first, so that submissions get finished; then the oldest.

    Parameters
    ----------
    dataset : Dataset
        Where.
    participant : Participant
        Who would vote.

    Returns
    -------
    QuerySet of Submission
        Ordered; take a slice of it.
    """
    voted = Vote.objects.filter(submission=OuterRef("pk"), voter=participant)
    votes_max = current_policy(dataset).policy.votes_max
    return (
        Submission.objects.filter(
            ~Exists(voted), dataset=dataset, state=SubmissionState.UNDECIDED, vote_count__lt=votes_max
        )
        .exclude(participant=participant)
        .order_by("-vote_count", "pk")
    )


def state_counts(dataset: Dataset) -> dict[str, int]:
    """Return the number of submissions in each state; absent states count 0."""
    rows = Submission.objects.filter(dataset=dataset).order_by().values_list("state").annotate(count=Count("*"))
    return {**dict.fromkeys(SubmissionState.values, 0), **dict(rows)}


def has_submissions(dataset: Dataset) -> bool:
    """Tell whether a dataset has submissions, or tasks that ask for some."""
    return (
        Submission.objects.filter(dataset=dataset).exists() or CollectionTask.objects.filter(dataset=dataset).exists()
    )
