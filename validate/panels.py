"""The place in the top bar that leads to voting, and votes on the pages of submissions and clips.

Judgements must be independent: whoever does not run the dataset sees the votes of others only when the submission
is decided.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from curation.models import Clip, Role, Submission, SubmissionState, User
from curation.registry import NavPlace, Panel
from curation.selectors.access import curated_datasets
from curation.selectors.history import HistoryEvent
from validate.forms import QUESTIONS
from validate.models import Vote
from validate.selectors.votes import votes_of


def votes_panel(request: HttpRequest, subject: Clip | Submission | None) -> dict[str, Any] | None:
    """Return the votes on a submission, or on the one a clip was cut from."""
    submission = subject.submission if isinstance(subject, Clip) else subject
    if not isinstance(submission, Submission) or not isinstance(request.user, User):
        return None
    votes = list(
        votes_of(submission).filter(
            ~Q(submission__state=SubmissionState.UNDECIDED)
            | Q(voter__user=request.user)
            | Q(submission__dataset__in=curated_datasets(request.user))
        )
    )
    return {
        "rows": [(vote.voter.code, [getattr(vote, question.name) for question in QUESTIONS]) for vote in votes],
        "questions": QUESTIONS,
        "objections": objections_to(submission) if submission.state == SubmissionState.REJECTED else [],
        "hidden": max(0, submission.vote_count - len(votes)),
        "history": [
            HistoryEvent(
                at=vote.created_at, title=_("Vote %(number)d") % {"number": vote.position}, detail=_verdict(vote)
            )
            for vote in votes
        ],
    }


def objections_to(submission: Submission) -> list[tuple[str, int]]:
    """Return the criteria that voters objected to, with the number who did, as the decision stored them."""
    reasons = submission.decision.get("reasons", {})
    return [(str(question.title), reasons[question.name]) for question in QUESTIONS if reasons.get(question.name)]


def _verdict(vote: Vote) -> str:
    objections = [str(question.title) for question in QUESTIONS if not getattr(vote, question.name)]
    verdict = _("no: %(criteria)s") % {"criteria": ", ".join(objections)} if objections else _("yes")
    return f"{vote.voter.code}, {verdict}"


PANELS = (
    Panel(name="votes-on-submission", order=10, place="submission", template="panels/votes.html", context=votes_panel),
    Panel(name="votes-on-clip", order=20, place="clip", template="panels/votes.html", context=votes_panel),
)

PLACE = NavPlace(
    name="vote",
    order=30,
    label=_lazy("Vote"),
    call=_lazy("Vote on submissions"),
    icon="vote",
    roles=frozenset({Role.ANNOTATOR.value}),
)
