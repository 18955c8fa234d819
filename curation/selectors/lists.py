"""The rows of the lists of submissions and clips, scoped to the person, in a fixed number of queries."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from datetime import datetime

from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

from curation.models import (
    AnnotationState,
    CandidateAnnotation,
    Category,
    Clip,
    CollectionTask,
    Dataset,
    Job,
    JobState,
    Participant,
    Submission,
    SubmissionState,
    User,
)
from curation.selectors.access import audible_clips_in, audible_submissions_in, may_curate, may_judge
from curation.selectors.disclosure import disclosed, reach_in, with_disclosure
from curation.selectors.pages import PAGE_ROWS, CursorPage, Row, cursor_page, indexed_page

MAX_CHOICES = 1_000
MAX_RARE = 500

# What a list can be narrowed to besides one state: the rows that a number on the pipeline counts.
DECIDED, UNCUT, RATED = "decided", "uncut", "rated"
SUBMISSION_FILTERS = {
    DECIDED: Q(state__in=(SubmissionState.ACCEPTED, SubmissionState.REJECTED)),
    UNCUT: Q(state=SubmissionState.ACCEPTED, segmented_at__isnull=True),
}
RATED_STATES = (AnnotationState.UNDECIDED, AnnotationState.SETTLED)


def category_choices(dataset: Dataset) -> list[tuple[int, str]]:
    """Return the categories a list can be narrowed to: those with a task or a candidate annotation."""
    used = Q(Exists(CandidateAnnotation.objects.filter(category=OuterRef("pk")))) | Q(tasks__isnull=False)
    rows = Category.objects.filter(used, dataset=dataset).distinct().order_by("name")
    return list(rows.values_list("pk", "name")[:MAX_CHOICES])


def submission_page(
    *,
    user: User | AnonymousUser,
    dataset: Dataset,
    roles: AbstractSet[str],
    cursor: str,
    state: str = "",
    category: str = "",
    q: str = "",
) -> CursorPage[Submission]:
    """Return one page of a dataset's submissions, newest first.

    Parameters
    ----------
    user : User or AnonymousUser
        Who asks.
    dataset : Dataset
        Whose submissions.
    roles : set of str
        What the person is there; sees what `audible_submissions_in` grants.
    cursor : str
        Where the page starts.
    state, category : str
        A `SubmissionState` or a name of `SUBMISSION_FILTERS`, and a category's key; anything else does not narrow.
    q : str
        The start of a submission's id or of a participant's code.
    """
    rows = audible_submissions_in(user, dataset, roles)
    if state in SubmissionState.values:
        rows = rows.filter(state=state)
    elif state in SUBMISSION_FILTERS:
        rows = rows.filter(SUBMISSION_FILTERS[state])
    if _is_key(category):
        tasks = CollectionTask.objects.filter(dataset=dataset, category_id=int(category)).order_by()
        rows = rows.filter(task__in=list(tasks.values_list("pk", flat=True)))
    if q:
        rows = rows.filter(_named(rows, dataset, "external_id", (q,)))
    return cursor_page(rows.select_related("task__category", "participant"), cursor, newest_first=True)


def clip_page(
    *,
    user: User | AnonymousUser,
    dataset: Dataset,
    roles: AbstractSet[str],
    cursor: str,
    state: str = "",
    category: str = "",
    q: str = "",
) -> CursorPage[Clip]:
    """Return one page of a dataset's clips with their candidate annotations (`labels`), in the order of import.

    The parameters are those of `submission_page`; `state` is an `AnnotationState` or `RATED`, `q` the
    start of a name. Candidate annotations tell whether they are disclosed (`curation.selectors.disclosure`), and
    only those that are can be narrowed by state.
    """
    rows = audible_clips_in(user, dataset, roles)
    reach = reach_in(user, dataset, roles)
    labels = with_disclosure(CandidateAnnotation.objects.select_related("category"), reach).order_by("id")
    shown = rows.select_related("participant").prefetch_related(
        Prefetch("annotations", queryset=labels, to_attr="labels")
    )
    states = RATED_STATES if state == RATED else tuple(one for one in AnnotationState if one == state)
    claim: dict[str, object] = {}
    if _is_key(category):
        claim["category_id"] = int(category)
    by_claim = bool(claim or states) and not q and (may_curate(roles) or may_judge(roles))
    known = CandidateAnnotation.objects.all()
    if states:
        known = disclosed(known, reach, one_by_one=not by_claim)
    if by_claim:
        claims = known.filter(dataset=dataset, **claim)
        if states and not may_curate(roles):  # found from what the person rated, not by the index of states
            return indexed_page(shown, [claims.filter(state__in=states)], "clip_id", cursor)
        by_state = [claims.filter(state=one) for one in states] or [claims]
        return indexed_page(shown, by_state, "clip_id", cursor)
    if states:
        claim["state__in"] = states
    if claim:  # naming the dataset there would lead SQLite to a worse index than that of a clip's own claims
        shown = shown.filter(Exists(known.filter(clip=OuterRef("pk"), **claim)))
    if q:
        shown = shown.filter(_named(rows, dataset, "name", (q, f"{q}.wav")))
    return cursor_page(shown, cursor)


def job_page(*, dataset: Dataset, cursor: str, state: str = "") -> CursorPage[Job]:
    """Return one page of a dataset's jobs, newest first; keys are drawn at random, so the cursor is a moment."""
    rows = Job.objects.filter(dataset=dataset).order_by("-created_at", "-id")
    if state in JobState.values:
        rows = rows.filter(state=state)
    before = _moment(cursor)
    if before is not None:
        rows = rows.filter(created_at__lt=before)
    found = list(rows[: PAGE_ROWS + 1])
    shown = found[:PAGE_ROWS]
    more = len(found) > PAGE_ROWS
    return CursorPage(rows=shown, next_cursor=shown[-1].created_at.isoformat() if more else "", is_first=before is None)


def _named(rows: QuerySet[Row], dataset: Dataset, field: str, exact: tuple[str, ...]) -> Q:
    """Keep the row of exactly this name; else those of the people, else those by names, that begin with it.

    All are found in an index, but for a beginning that many names share: their rows are met soon enough.
    """
    begins = _begins(field, exact[0])
    keys = dict(rows.filter(begins).order_by().values_list(field, "pk")[: MAX_RARE + 1])
    whole = [keys[name] for name in exact if name in keys]
    if whole:
        return Q(pk__in=whole)
    people = Participant.objects.filter(_begins("code", exact[0]), dataset=dataset).order_by()
    found = list(people.values_list("pk", flat=True)[:MAX_RARE])
    if found:
        return Q(participant_id__in=found)
    return Q(pk__in=list(keys.values())) if len(keys) <= MAX_RARE else begins


def _begins(field: str, text: str) -> Q:
    """Keep names that begin with a text, upper and lower case told apart.

    PostgreSQL has an index for LIKE (see the migrations); SQLite would not use one for it, but does for a range.
    """
    if connection.vendor == "sqlite":
        return Q(**{f"{field}__gte": text, f"{field}__lt": text + chr(0x10FFFF)})
    return Q(**{f"{field}__startswith": text})


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _is_key(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18  # noqa: PLR2004 -- what a key can hold
