"""Which candidate annotation a person is asked to rate next."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q, QuerySet

from annotate.models import Rating
from curation.models import AnnotationState, CandidateAnnotation, Category, Dataset, Participant
from curation.registry import claim_confirmations

LOOKED_AT = 2_000


def open_annotations(
    dataset: Dataset, participant: Participant, category: Category | None = None
) -> QuerySet[CandidateAnnotation]:
    """Return the candidate annotations that a person may rate now, in the order in which they are served.

    Not settled, and not rated by this person. As in the Freesound Annotator, those on which most people
    agree already come first: one more equal rating settles them. Among these the ones with the highest review
    priority come first, where label verification has given them one; then those with fewest ratings, so that
    disputed ones do not hold up the others; then the oldest. An index has this order; what the person rated
    already is passed over, row by row.

    Parameters
    ----------
    dataset : Dataset
        Where.
    participant : Participant
        Who would rate.
    category : Category, optional
        Only this category of the dataset.

    Returns
    -------
    QuerySet of CandidateAnnotation
        Ordered; take a slice of it.

    References
    ----------
    FSDKaggle2018, section 3.2 (prioritization by inter-annotator agreement).
    """
    rated = Rating.objects.filter(annotation=OuterRef("pk"), annotator=participant)
    candidates = CandidateAnnotation.objects.filter(~Exists(rated), ~Q(state=AnnotationState.SETTLED))
    candidates = candidates.filter(category=category) if category else candidates.filter(dataset=dataset)
    return candidates.order_by("-agreeing_count", "-review_priority", "rating_count", "pk")


def needing_ratings(rows: QuerySet[CandidateAnnotation]) -> QuerySet[CandidateAnnotation]:
    """Leave out what somebody has vouched for without rating it: where it came from, or a curator after verification.

    They are served all the same, the accepted ones last: a rating of them counts. But nobody waits for it.
    """
    rows = rows.filter(came_verified=False)
    for confirmed in claim_confirmations:
        rows = rows.filter(~Exists(confirmed.rows().filter(annotation=OuterRef("pk"))))
    return rows


def waiting_annotations(served: QuerySet[CandidateAnnotation]) -> QuerySet[CandidateAnnotation]:
    """Return those that need ratings among the next `LOOKED_AT` that are served, for a number on a page.

    Further ones may wait behind these: see `are_looked_at`.
    """
    return needing_ratings(CandidateAnnotation.objects.filter(pk__in=served.values("pk")[:LOOKED_AT]))


def are_looked_at(served: QuerySet[CandidateAnnotation]) -> bool:
    """Tell whether `waiting_annotations` looks at all that are served.

    What is vouched for may stand before what waits: it is last only where label verification has given all others a
    priority, and of imported labels those that came verified are often the oldest.
    """
    return not served.values("pk")[LOOKED_AT : LOOKED_AT + 1].exists()
