"""Submission ids for manifests that give none: the next number, as text, above all stored and all that the file gives.

A file is read once before its first row is stored. Its highest number is all that need be remembered of that, so that
a row without an id never gets one that a row further down has.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from django.db.models import BigIntegerField, Max
from django.db.models.functions import Cast

from curation.models import Dataset, Submission

FIRST = 1
_NUMBER = re.compile("[0-9]{1,15}")  # longer ones are names


class FreeSubmissionIds:
    """Draws ids; the highest number in use is looked up once.

    Parameters
    ----------
    dataset : Dataset
        Whose submissions.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._next = 0
        self._highest_given = FIRST - 1

    def avoid(self, external_id: str) -> None:
        """Draw no id up to this one, if it is a number; call it for every row before the first is drawn.

        Parameters
        ----------
        external_id : str
            As a row gives it; may be empty.
        """
        if _NUMBER.fullmatch(external_id):
            self._highest_given = max(self._highest_given, int(external_id))

    def draw(self, count: int, taken: Collection[str]) -> Iterator[str]:
        """Return ids that no submission has.

        Call it in the transaction that stores them, with the dataset's row locked.

        Parameters
        ----------
        count : int
            How many.
        taken : collection of str
            Ids that the same batch gives to others.

        Returns
        -------
        iterator of str
            Ascending numbers.
        """
        if not self._next and count:
            numbers = Submission.objects.filter(dataset=self._dataset, external_id__regex=f"^{_NUMBER.pattern}$")
            highest = numbers.aggregate(highest=Max(Cast("external_id", BigIntegerField())))["highest"]
            self._next = max(highest or FIRST - 1, self._highest_given) + 1
        drawn: list[str] = []
        while len(drawn) < count:
            wanted = count - len(drawn)
            candidates = [str(number) for number in range(self._next, self._next + wanted)]
            self._next += wanted
            held = Submission.objects.filter(dataset=self._dataset, external_id__in=candidates)
            used = set(held.values_list("external_id", flat=True)).union(taken)
            drawn += [candidate for candidate in candidates if candidate not in used]
        return iter(drawn)
