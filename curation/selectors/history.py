"""What happened to a recording or clip, told from the times that its rows carry.

Nothing is logged for the history: every row keeps when it was made, and the timeline is those times in order.
Upper floors add theirs through their panels: a panel of a clip or submission page may return, under
``history``, a list of `HistoryEvent`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from curation.models import CandidateAnnotation, Clip, SplitAssignment, Submission

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True, kw_only=True)
class HistoryEvent:
    """One thing that happened.

    Attributes
    ----------
    at : datetime
        When.
    title : str
        What, in one or two words.
    detail : str
        Who or how, by pseudonym; may be empty.
    """

    at: datetime
    title: StrOrPromise
    detail: StrOrPromise = ""


def timeline(events: Iterable[HistoryEvent]) -> list[HistoryEvent]:
    """Return events in the order in which they happened; events of one instant keep theirs."""
    return sorted(events, key=lambda event: event.at)


def submission_history(submission: Submission) -> list[HistoryEvent]:
    """Return what happened to a recording; its participant is loaded with it."""
    events = [HistoryEvent(at=submission.created_at, title=_("Received"))]
    if submission.recorded_at:
        events.append(HistoryEvent(at=submission.recorded_at, title=_("Recorded"), detail=submission.participant.code))
    if submission.decided_at:
        events.append(
            HistoryEvent(at=submission.decided_at, title=submission.get_state_display(), detail=_decided_by(submission))
        )
    if submission.segmented_at:
        events.append(HistoryEvent(at=submission.segmented_at, title=_("Cut into clips")))
    return events


def clip_history(
    clip: Clip, annotations: Iterable[CandidateAnnotation], assignments: Iterable[SplitAssignment]
) -> list[HistoryEvent]:
    """Return what happened to a clip.

    Parameters
    ----------
    clip : Clip
        With its submission and that one's participant, if it was cut.
    annotations : iterable of CandidateAnnotation
        Those of the clip whose consensus the reader may know, with their categories.
    assignments : iterable of SplitAssignment
        Its participant's, with their splits.
    """
    if clip.submission:
        events = [event for event in submission_history(clip.submission) if event.at != clip.submission.segmented_at]
        detail = _("segment %(number)d") % {"number": clip.segment_index or 0}
        events.append(HistoryEvent(at=clip.created_at, title=_("Cut"), detail=detail))
    else:
        events = [HistoryEvent(at=clip.created_at, title=_("Imported"), detail=clip.source_path)]
    events += [
        HistoryEvent(
            at=annotation.settled_at,
            title=_("Settled"),
            detail=f"{annotation.category.name}: {annotation.get_consensus_display()}",
        )
        for annotation in annotations
        if annotation.settled_at
    ]
    events += [
        HistoryEvent(
            at=assignment.split.created_at,
            title=_("Split %(number)d") % {"number": assignment.split.number},
            detail=assignment.get_subset_display(),
        )
        for assignment in assignments
    ]
    return events


def _decided_by(submission: Submission) -> str:
    decision = submission.decision
    if decision.get("by") == "import":
        return _("as imported")
    votes = decision.get("votes")
    return _("after %(votes)d votes") % {"votes": votes} if isinstance(votes, int) else ""
