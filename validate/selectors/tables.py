"""Votes as a table of an export, in the columns that `import_votes` reads."""

from __future__ import annotations

from collections.abc import Iterator

from curation.models import Dataset
from curation.selectors.code_points import CodePoints
from validate.domain.majority import CRITERIA
from validate.models import Vote

HEADER = ("submission", "voter", *CRITERIA)
CHUNK_ROWS = 5_000


def vote_rows(dataset: Dataset) -> Iterator[tuple[str, ...]]:
    """Yield every vote, by submission and voter, whatever order they came in.

    Parameters
    ----------
    dataset : Dataset
        Whose votes.

    Yields
    ------
    tuple of str
        One row of `HEADER`; people by pseudonym, answers yes or no.
    """
    rows = (
        Vote.objects.filter(submission__dataset=dataset)
        .order_by(CodePoints("submission__external_id"), CodePoints("voter__code"))
        .values_list("submission__external_id", "voter__code", *CRITERIA)
    )
    for submission, voter, *answers in rows.iterator(chunk_size=CHUNK_ROWS):
        yield submission, voter, *("yes" if answer else "no" for answer in answers)
