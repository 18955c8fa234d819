"""What the crowd and the machines made of candidate annotations: stored here, computed on the floors that know it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Case, F, Value, When
from django.db.models.expressions import Combinable
from django.utils import timezone

from curation.models import AnnotationState, CandidateAnnotation
from curation.registry import consensus_followers

UPDATE_ROWS = 500


@dataclass(frozen=True, kw_only=True)
class AnnotationConsensus:
    """Where one candidate annotation stands.

    Attributes
    ----------
    state : str
        A value of `AnnotationState`.
    value : str
        ``PP``, ``PNP`` or ``NP`` where settled, else empty.
    rating_count : int
        Ratings in all.
    agreeing_count : int
        Most annotators who gave the same one of PP, PNP and NP.
    """

    state: str
    value: str
    rating_count: int
    agreeing_count: int


@transaction.atomic
def set_consensus(*, updates: Mapping[int, AnnotationConsensus]) -> None:
    """Store where candidate annotations stand; the caller has locked them.

    The time of settling is kept as long as the value stays the same. An annotation can become undecided
    again, since ratings that were under way when it settled count too. Upper floors that keep a copy of what is
    settled are told of those for which that changes.

    Parameters
    ----------
    updates : mapping of int to AnnotationConsensus
        By the candidate annotation's primary key.
    """
    known = CandidateAnnotation.objects.filter(pk__in=updates, state=AnnotationState.SETTLED)
    before = set(known.values_list("pk", flat=True))
    settled = {pk for pk, consensus in updates.items() if consensus.state == AnnotationState.SETTLED}
    alike: defaultdict[AnnotationConsensus, list[int]] = defaultdict(list)
    for pk, consensus in updates.items():
        alike[consensus].append(pk)
    now = Value(timezone.now())
    for consensus, pks in alike.items():
        settled_at = (
            Case(When(state=AnnotationState.SETTLED, consensus=consensus.value, then=F("settled_at")), default=now)
            if consensus.state == AnnotationState.SETTLED
            else None
        )
        for start in range(0, len(pks), UPDATE_ROWS):
            CandidateAnnotation.objects.filter(pk__in=pks[start : start + UPDATE_ROWS]).update(
                state=consensus.state,
                consensus=consensus.value,
                settled_at=settled_at,
                rating_count=consensus.rating_count,
                agreeing_count=consensus.agreeing_count,
            )
    if changed := sorted(before ^ settled):
        for follower in consensus_followers:
            follower.follow(changed)


@transaction.atomic
def set_review_priorities(*, annotation_ids: Collection[int], priority: Combinable) -> None:
    """Store how early people should hear candidate annotations.

    Parameters
    ----------
    annotation_ids : collection of int
        Primary keys; at most some thousands.
    priority : expression
        0 to 1 for each of them, as the database computes it from the rows of an upper floor.
    """
    pks = sorted(annotation_ids)
    for start in range(0, len(pks), UPDATE_ROWS):
        part = CandidateAnnotation.objects.filter(pk__in=pks[start : start + UPDATE_ROWS])
        # Locked in the order in which ratings lock them, so that neither waits for the other for ever.
        list(part.order_by("pk").select_for_update(no_key=True).values_list("pk"))
        part.update(review_priority=priority)
