"""How many votes a submission has: a copy beside the row, so that the next one to vote on is an index look-up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from django.db import transaction

from curation.models import Submission

UPDATE_ROWS = 500


@transaction.atomic
def set_vote_counts(*, counts: Mapping[int, int]) -> None:
    """Store the number of votes of submissions that the caller has locked.

    Parameters
    ----------
    counts : mapping of int to int
        Votes in all by the submission's primary key.
    """
    alike: defaultdict[int, list[int]] = defaultdict(list)
    for pk, count in counts.items():
        alike[count].append(pk)
    for count, pks in alike.items():
        for start in range(0, len(pks), UPDATE_ROWS):
            Submission.objects.filter(pk__in=pks[start : start + UPDATE_ROWS]).update(vote_count=count)
