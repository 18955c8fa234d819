"""What a person may see across datasets, settled in keys before rows are read.

`curation.selectors.access` says the same in one query, which is right for finding one row. A list of a million rows
needs conditions that name keys: a database then reads the page from an index, and does not first collect everything
that the person may see. Asking costs two small queries.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from curation.models import (
    CandidateAnnotation,
    Clip,
    Dataset,
    Membership,
    Participant,
    Role,
    Submission,
    SubmissionState,
    User,
)
from curation.selectors.access import SEES_ALL

RARE = 1_000  # keys that a condition may list
FEW = 20_000  # reading and sorting what points at this many rows takes some tens of milliseconds

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, kw_only=True)
class Reach:
    """Keys of what a person's roles open.

    Attributes
    ----------
    everywhere : bool
        The operator, in every dataset.
    runs, judges, records : frozenset of int
        Datasets in which the person sees everything, votes and rates, sends recordings.
    people : dict of int to int
        Who the person is in each dataset in which they have a role and did something.
    """

    everywhere: bool = False
    runs: frozenset[int] = frozenset()
    judges: frozenset[int] = frozenset()
    records: frozenset[int] = frozenset()
    people: dict[int, int] = field(default_factory=dict)

    def persons_in(self, datasets: Collection[int]) -> list[int]:
        """Return who the person is in some datasets."""
        return [self.people[key] for key in sorted(datasets) if key in self.people]


def reach_of(user: User | AnonymousUser, slug: str = "") -> Reach:
    """Return what a person's roles open.

    Parameters
    ----------
    user : User or AnonymousUser
        Who asks.
    slug : str
        Only this dataset; empty: all.
    """
    if not user.is_active or not isinstance(user, User):
        return Reach()
    one = {"dataset__slug": slug.replace("\x00", "")} if slug else {}
    if user.is_superuser:
        found = Dataset.objects.filter(slug=one["dataset__slug"]).values_list("pk", flat=True) if one else ()
        return Reach(everywhere=not one, runs=frozenset(found))
    memberships = list(Membership.objects.filter(user=user, **one).values_list("dataset_id", "role"))
    people = Participant.objects.filter(user=user, dataset__in={dataset for dataset, _ in memberships})
    return Reach(
        runs=frozenset(dataset for dataset, role in memberships if role in SEES_ALL),
        judges=frozenset(dataset for dataset, role in memberships if role == Role.ANNOTATOR),
        records=frozenset(dataset for dataset, role in memberships if role == Role.PARTICIPANT),
        people=dict(people.values_list("dataset_id", "pk")),
    )


def reached_submissions(reach: Reach) -> QuerySet[Submission]:
    """Return the submissions of `audible_submissions`."""
    if reach.everywhere:
        return Submission.objects.all()
    judged = reach.judges - reach.runs
    undecided = any_of("dataset", judged) & Q(state=SubmissionState.UNDECIDED)
    if not_theirs := reach.persons_in(judged):
        undecided &= ~Q(participant__in=not_theirs)
    own = reach.persons_in(reach.records - reach.runs)
    return _either(
        Submission.objects.all(),
        any_of("dataset", reach.runs) if reach.runs else None,
        undecided if judged else None,
        any_of("participant", own) if own else None,
    )


def reached_clips(reach: Reach) -> QuerySet[Clip]:
    """Return the clips of `audible_clips`."""
    return _whole_or_own(Clip.objects.all(), reach, "participant")


def reached_annotations(reach: Reach) -> QuerySet[CandidateAnnotation]:
    """Return the candidate annotations of the clips of `audible_clips`."""
    return _whole_or_own(CandidateAnnotation.objects.all(), reach, "clip__participant")


def reached_judgements(rows: QuerySet[Row], reach: Reach, *, judged: QuerySet[Any], of: str, by: str) -> QuerySet[Row]:
    """Narrow votes or ratings: all of the datasets that the person runs, else the person's own.

    Parameters
    ----------
    rows : QuerySet
        The judgements.
    reach : Reach
        Of the person.
    judged : QuerySet
        What they are about; it has a column ``dataset``.
    of, by : str
        The judgements' columns with the key of what was judged and of who judged.
    """
    if reach.everywhere:
        return rows
    own = reach.persons_in(reach.people.keys() - reach.runs)
    return _either(
        rows,
        among(of, judged.filter(any_of("dataset", reach.runs))) if reach.runs else None,
        any_of(by, own) if own else None,
    )


def among(column: str, targets: QuerySet[Any], key: str = "pk") -> Q:
    """Keep rows that point at targets: found from the targets where these are few, else as the rows are met.

    Where most rows point at a target, a page of them is met soon; looking the targets up first would read and sort
    a good part of the table. One query finds out which it is.

    Parameters
    ----------
    column : str
        The rows' column.
    targets : QuerySet
        What it should point at.
    key : str
        The targets' column that it points at.
    """
    if targets.order_by().values(key)[: FEW + 1].count() > FEW:
        return Q(Exists(targets.filter(**{key: OuterRef(column)})))
    return Q(**{f"{column}__in": targets.order_by().values(key)})


def pointing(rows: QuerySet[Row], column: str, keys: Collection[int]) -> QuerySet[Row]:
    """Narrow rows to those that point at one of some keys; where these are rare, by their own keys.

    Else a database that does not know how rare they are (SQLite, without statistics) might go through all rows of
    the dataset in their order and leave out the others. One query finds out.

    Parameters
    ----------
    rows : QuerySet
        What to narrow.
    column : str
        The rows' column.
    keys : collection of int
        What it should point at.
    """
    here = any_of(column, keys)
    found = list(rows.model._default_manager.filter(here).order_by().values_list("pk", flat=True)[: RARE + 1])
    return rows.filter(pk__in=found) if len(found) <= RARE else rows.filter(here)


def any_of(column: str, keys: Collection[int]) -> Q:
    """Compare with one key rather than with a list of one: only then do rows come from an index in order."""
    ordered = sorted(keys)
    return Q(**{column: ordered[0]}) if len(ordered) == 1 else Q(**{f"{column}__in": ordered})


def _whole_or_own(rows: QuerySet[Row], reach: Reach, owner: str) -> QuerySet[Row]:
    if reach.everywhere:
        return rows
    whole = reach.runs | reach.judges
    own = reach.persons_in(reach.records - whole)
    return _either(rows, any_of("dataset", whole) if whole else None, any_of(owner, own) if own else None)


def _either(rows: QuerySet[Row], *conditions: Q | None) -> QuerySet[Row]:
    given = [condition for condition in conditions if condition is not None]
    if not given:
        return rows.none()
    either = given[0]
    for condition in given[1:]:
        either |= condition
    return rows.filter(either)
