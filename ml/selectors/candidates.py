"""What a run on a dataset takes: which labels teach, and which are judged.

* A candidate annotation is *confirmed* if people settled it as present (PP, or PNP, which a release takes too), or if
  it came verified from where it was imported, unless people settled it as absent. Ratings since an earlier run change
  that: so they are fed back.
* One that is settled as not present (NP) is *rejected*: it is judged no more, but its category is ruled out for the
  clip, from which recipe `earmark` learns. The published recipes leave clips out that have no other label.
* All others are judged. A clip teaches the category of its only annotation, or of the only confirmed one. A clip with
  several annotations, not counting rejected ones, of which none, or more than one, is confirmed teaches nothing: its
  label is not one class.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from django.db.models import Q, QuerySet

from curation.models import ACTIVE_STATES, AnnotationState, CandidateAnnotation, Dataset, Job, Presence

FETCHED_ROWS = 20_000
FEWEST_CLASSES = 2
IMPORT = "import-clips"

CONFIRMED = Q(state=AnnotationState.SETTLED) | Q(came_verified=True)  # of those that are not settled as NP


class Claim(NamedTuple):
    """A candidate annotation that a run takes, with its clip."""

    annotation: int
    clip: int
    category: int
    state: str
    came_verified: bool
    participant: int
    duration_s: float
    sample_rate_hz: int
    audio_key: str
    consensus: str = ""

    @property
    def confirmed(self) -> bool:
        """Whether people vouch for it."""
        return not self.rejected and (self.state == AnnotationState.SETTLED or self.came_verified)

    @property
    def rejected(self) -> bool:
        """Whether people settled it as not present."""
        return self.consensus == Presence.NP


def claims(dataset: Dataset) -> Iterator[Claim]:
    """Yield the candidate annotations that a run takes and those that people rejected, clip by clip, by one query.

    Parameters
    ----------
    dataset : Dataset
        Whose annotations.

    Yields
    ------
    Claim
        By primary key of clip and annotation.
    """
    rows = (
        CandidateAnnotation.objects.filter(dataset=dataset)
        .order_by("clip_id", "pk")
        .values_list(
            "pk",
            "clip_id",
            "category_id",
            "state",
            "came_verified",
            "clip__participant_id",
            "clip__duration_s",
            "clip__sample_rate_hz",
            "clip__audio_key",
            "consensus",
        )
    )
    return (Claim(*row) for row in rows.iterator(chunk_size=FETCHED_ROWS))


def confirmed_categories(dataset: Dataset) -> int:
    """Count the categories of which people confirmed a label, up to as many as a run needs."""
    rows = _taken(dataset).filter(CONFIRMED).order_by().values("category_id").distinct()
    return rows[:FEWEST_CLASSES].count()


def has_open_claims(dataset: Dataset) -> bool:
    """Tell whether there is a label that nobody has confirmed yet."""
    return _taken(dataset).exclude(CONFIRMED).exists()


def imports_clips(dataset: Dataset) -> bool:
    """Tell whether a job that imports clips waits or runs: labels that are lacking now may still come."""
    return Job.objects.filter(dataset=dataset, kind=IMPORT, state__in=ACTIVE_STATES).exists()


def _taken(dataset: Dataset) -> QuerySet[CandidateAnnotation]:
    return CandidateAnnotation.objects.filter(dataset=dataset).exclude(consensus=Presence.NP)
