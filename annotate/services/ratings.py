"""Storing ratings and what follows from them: the candidate annotation's consensus.

The annotation's row is locked while a rating is stored, so that two second ratings at the same time queue
and the later one sees both (in the Freesound Annotator two such ratings settle nothing).
"""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction

from annotate.domain.consensus import SETTLING, settle
from annotate.models import Rating
from annotate.selectors.ratings import rating_counts
from curation.domain.progress import Progress, no_progress
from curation.models import CandidateAnnotation, Dataset, Participant
from curation.selectors.policies import current_policy
from curation.services.annotations import AnnotationConsensus, set_consensus

RECOMPUTE_ROWS = 1_000


class RatingRefusedError(ValueError):
    """A rating that cannot be taken; `reason` is a code, `detail` says what was found and what to do."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@transaction.atomic
def record_rating(*, annotation: CandidateAnnotation, annotator: Participant, presence: str, source: str) -> Rating:
    """Store one person's rating and the consensus that follows.

    An annotation that others settled while this person listened still takes the rating: it is a judgement
    that was made, and the consensus is a function of all of them.

    Parameters
    ----------
    annotation : CandidateAnnotation
        The claim "category X is in clip Y".
    annotator : Participant
        Who listened; a person of the same dataset.
    presence : str
        A value of `Presence`.
    source : str
        A value of `RatingSource`.

    Returns
    -------
    Rating
        The stored row.

    Raises
    ------
    RatingRefusedError
        `other_dataset` or `already_rated`.

    References
    ----------
    FSDKaggle2018, section 3.2.
    """
    locked = CandidateAnnotation.objects.select_for_update(no_key=True).get(pk=annotation.pk)
    if annotator.dataset_id != locked.dataset_id:
        raise RatingRefusedError("other_dataset", "The annotator is a person of another dataset than the clip.")
    if Rating.objects.filter(annotation=locked, annotator=annotator).exists():
        raise RatingRefusedError("already_rated", "You have rated this already; a rating is given once and stays.")
    rating = Rating.objects.create(annotation=locked, annotator=annotator, presence=presence, source=source)
    store_consensus(annotation_ids=[locked.pk], agreement=current_policy(annotation.dataset).policy.agreement)
    return rating


def store_consensus(*, annotation_ids: Collection[int], agreement: int) -> int:
    """Compute the consensus of locked candidate annotations from all their ratings and store it.

    Parameters
    ----------
    annotation_ids : collection of int
        Primary keys; at most some thousands.
    agreement : int
        Different annotators who must give the same value.

    Returns
    -------
    int
        How many of them are settled.
    """
    updates = {}
    for pk, counts in rating_counts(annotation_ids).items():
        consensus = settle(counts, agreement=agreement)
        updates[pk] = AnnotationConsensus(
            state=consensus.state.value,
            value=consensus.value,
            rating_count=sum(consensus.counts.values()),
            agreeing_count=max(consensus.counts[value] for value in SETTLING),
        )
    set_consensus(updates=updates)
    return sum(update.value != "" for update in updates.values())


def recompute_consensus(*, dataset: Dataset, progress: Progress = no_progress) -> tuple[int, int]:
    """Compute the consensus of every rated candidate annotation anew, under the policy in force.

    Parameters
    ----------
    dataset : Dataset
        Whose annotations.
    progress : Progress
        Told the annotations done.

    Returns
    -------
    rated, settled : int
        Annotations with ratings, and how many of them are settled; the same whenever it is asked again.
    """
    agreement = current_policy(dataset).policy.agreement
    every = CandidateAnnotation.objects.filter(dataset=dataset, rating_count__gt=0).order_by("pk")
    total, last, rated, settled = every.count(), 0, 0, 0
    while True:
        with transaction.atomic():
            locked = every.filter(pk__gt=last).select_for_update(no_key=True)
            chunk = list(locked.values_list("pk", flat=True)[:RECOMPUTE_ROWS])
            if not chunk:
                return rated, settled
            settled += store_consensus(annotation_ids=chunk, agreement=agreement)
        rated += len(chunk)
        last = chunk[-1]
        progress(rated, total)
