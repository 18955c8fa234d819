"""How far categories are from what is wanted, and how often people confirm their labels.

Both are parts of the review priority. What is wanted of a category is what its collection tasks ask for, in recordings;
where no task names a number, as many clips as people have confirmed of the best covered category, since a classifier
wants its classes even.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.db.models import Count, Q, Sum

from annotate.selectors.quality import quality_table
from curation.models import CandidateAnnotation, CollectionTask, Dataset, Presence, Submission, SubmissionState
from ml.selectors.candidates import CONFIRMED
from ml.verification.priority import category_need
from ml.verification.probabilities import Floats, Ints


@dataclass(frozen=True, eq=False, kw_only=True)
class CategoryNeeds:
    """Two shares for each of K categories.

    Attributes
    ----------
    need_K : float64 array [shape=(K,)]
        Share of what is wanted that is lacking, 0 to 1.
    quality_K : float64 array [shape=(K,)]
        Quality estimate, 0 to 1; 0 where nobody rated.
    """

    need_K: Floats
    quality_K: Floats


def category_needs(dataset: Dataset, categories: Sequence[int]) -> CategoryNeeds:
    """Return need and quality of some categories.

    Parameters
    ----------
    dataset : Dataset
        Where.
    categories : sequence of int [length K]
        Primary keys.

    Returns
    -------
    CategoryNeeds
        In the order of `categories`.
    """
    confirmed = dict(
        CandidateAnnotation.objects.filter(CONFIRMED & ~Q(consensus=Presence.NP), dataset=dataset)
        .order_by()
        .values_list("category_id")
        .annotate(count=Count("pk"))
    )
    targets = dict(
        CollectionTask.objects.filter(dataset=dataset, target_submissions__isnull=False)
        .order_by()
        .values_list("category_id")
        .annotate(wanted=Sum("target_submissions"))
    )
    accepted = dict(
        Submission.objects.filter(dataset=dataset, state=SubmissionState.ACCEPTED, task__category__in=targets)
        .order_by()
        .values_list("task__category_id")
        .annotate(count=Count("pk"))
    )
    most = max((confirmed.get(category, 0) for category in categories), default=0)
    has_K = _ints([(accepted if category in targets else confirmed).get(category, 0) for category in categories])
    wanted_K = _ints([targets.get(category, most) for category in categories])
    estimates = {quality.category_id: quality.estimate.qe or 0.0 for quality in quality_table(dataset)}
    return CategoryNeeds(
        need_K=category_need(has_K, wanted_K),
        quality_K=np.array([estimates.get(category, 0.0) for category in categories], dtype=np.float64),
    )


def _ints(numbers: Sequence[int]) -> Ints:
    return np.array(numbers, dtype=np.int64)
