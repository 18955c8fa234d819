"""Votes as rows for pages and as ballots for the rule."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import QuerySet

from curation.models import Participant, Submission
from validate.domain.majority import Ballot
from validate.models import Vote


def ballots_of(submission_ids: Collection[int]) -> dict[int, list[Ballot]]:
    """Return the votes on submissions as the rule takes them.

    Parameters
    ----------
    submission_ids : collection of int
        Primary keys; at most some thousands.

    Returns
    -------
    dict of int to list of Ballot
        In the order of voting; every submission asked for is there.
    """
    ballots: dict[int, list[Ballot]] = {pk: [] for pk in submission_ids}
    rows = (
        Vote.objects.filter(submission_id__in=submission_ids)
        .order_by("submission_id", "position")
        .values_list("submission_id", "gain", "privacy", "acoustic_cue")
    )
    for pk, gain, privacy, acoustic_cue in rows:
        ballots[pk].append(Ballot(gain=gain, privacy=privacy, acoustic_cue=acoustic_cue))
    return ballots


def votes_of(submission: Submission) -> QuerySet[Vote]:
    """Return the votes on one submission with their voters, in the order of voting."""
    return Vote.objects.filter(submission=submission).select_related("voter").order_by("position")


def votes_given(voter: Participant) -> int:
    """Return how many votes a person has given; the person is of one dataset, so are the votes."""
    return Vote.objects.filter(voter=voter).count()
