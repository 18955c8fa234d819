"""The voting page: one submission at a time, three questions, then straight to the next."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from curation.models import Participant, Submission
from curation.views.judging import Skipped, in_place, open_judging, row_number, waiting_text
from curation.views.player import submission_player
from curation.views.shell import Desk, render_page
from validate.forms import QUESTIONS, BallotForm
from validate.models.vote import VoteSource
from validate.selectors.queue import has_submissions, open_submissions
from validate.selectors.votes import votes_given
from validate.services.votes import VoteRefusedError, record_vote

LOADED_AHEAD = 1


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def vote(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the next submission to vote on; take a vote or a skip and go on to the next."""
    desk, voter = open_judging(request, slug)
    skipped = Skipped(request, "submissions", desk.dataset.pk)
    if request.method != "POST":
        return _page(request, desk, voter, skipped)
    if "again" in request.POST:
        skipped.clear()
    elif put_aside := row_number(request.POST.get("skip", "")):
        skipped.add(put_aside)
    else:
        form = BallotForm(request.POST)
        if not form.is_valid():
            return _page(request, desk, voter, skipped, form)
        _take(request, desk, voter, form)
    return _page(request, desk, voter, skipped) if in_place(request) else redirect("vote", slug)


def _take(request: HttpRequest, desk: Desk, voter: Participant, form: BallotForm) -> None:
    """Store the vote; a refusal becomes a message, and the page goes on."""
    submission = get_object_or_404(Submission, dataset=desk.dataset, pk=form.cleaned_data["submission"])
    answers = {question.name: form.cleaned_data[question.name] == "yes" for question in QUESTIONS}
    try:
        record_vote(submission=submission, voter=voter, source=VoteSource.WEB, **answers)
    except VoteRefusedError as error:
        messages.warning(request, _refusal(error))


def _refusal(error: VoteRefusedError) -> str:
    kind = {
        "own_submission": _(
            "That was your own recording, so others judge it: your vote was not stored. Here is the next one."
        ),
        "already_voted": _(
            "You had voted on this already: your first vote stays, this one was not stored. Here is the next one."
        ),
        "voting_closed": _(
            "Voting on this has closed, enough others had voted: your vote was not stored. Here is the next one."
        ),
    }
    return kind.get(error.reason, error.detail)


def _page(
    request: HttpRequest, desk: Desk, voter: Participant, skipped: Skipped, form: BallotForm | None = None
) -> HttpResponse:
    waiting = open_submissions(desk.dataset, voter).select_related("task__category")
    queue = list(waiting.exclude(pk__in=skipped.keys)[: 1 + LOADED_AHEAD])
    if form is not None:  # an incomplete ballot: ask again about the same submission
        asked = waiting.filter(pk=form.cleaned_data.get("submission", 0)).first()
        queue = [asked, *(other for other in queue if other != asked)] if asked else queue
    submission = queue[0] if queue else None
    return render_page(
        request,
        "vote.html",
        {
            "submission": submission,
            "player": submission_player(submission) if submission else None,
            "asked": [(question, form.data.get(question.name, "") if form else "") for question in QUESTIONS],
            "form": form,
            "skipped": skipped.count_in(waiting),
            "given": votes_given(voter),
            "waiting": waiting_text(waiting) if submission else "",
            "missing": [question.title for question in QUESTIONS if form and question.name in form.errors],
            "takes_submissions": submission is not None or has_submissions(desk.dataset),
            "upcoming": [submission_player(other).preload() for other in queue[1:]],
        },
        desk=desk,
        status=422 if form is not None else 200,
    )
