"""Who is told what became of a candidate annotation: its state, the value that settled it, and the ratings.

Judgements must be independent, and further ones are welcome after agreement. Whoever runs a dataset sees all of it;
anybody else sees what others made of a claim once they have judged it themselves. Judgements are rows of upper
floors, which register where to find them (`curation.registry.claim_judgements`).
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from functools import reduce
from operator import or_
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef, Q, QuerySet, Value
from django.db.models.expressions import Combinable

from curation.models import CandidateAnnotation, Dataset, User
from curation.registry import claim_judgements
from curation.selectors.access import may_curate, may_judge, participant_of
from curation.selectors.reach import Reach, among, any_of


def reach_in(user: User | AnonymousUser, dataset: Dataset, roles: AbstractSet[str]) -> Reach:
    """Return what a person is told in one dataset, when their roles are known; at most one query.

    Parameters
    ----------
    user : User or AnonymousUser
        Who asks.
    dataset : Dataset
        Where.
    roles : set of str
        What `curation.selectors.access.roles_in` says of both.
    """
    here = frozenset({dataset.pk})
    if may_curate(roles):
        return Reach(runs=here)
    person = participant_of(user, dataset) if may_judge(roles) else None  # others have rated nothing
    return Reach(judges=here, people={dataset.pk: person.pk} if person else {})


def with_disclosure(rows: QuerySet[CandidateAnnotation], reach: Reach) -> QuerySet[CandidateAnnotation]:
    """Tell of each candidate annotation, as ``is_disclosed``, whether the person may know its state and consensus."""
    seen = [any_of("dataset", reach.runs)] if reach.runs else []
    if people := _judges(reach):
        seen += [_each(given.by(people), "annotation") for given in claim_judgements]
    shown: Combinable = Value(reach.everywhere)
    if seen and not reach.everywhere:
        shown = ExpressionWrapper(reduce(or_, seen, Q()), output_field=BooleanField())
    return rows.annotate(is_disclosed=shown)


def disclosed(
    rows: QuerySet[CandidateAnnotation], reach: Reach, *, one_by_one: bool = False
) -> QuerySet[CandidateAnnotation]:
    """Keep the candidate annotations whose state and consensus the person may know.

    Parameters
    ----------
    rows : QuerySet of CandidateAnnotation
        Those that the person reaches.
    reach : Reach
        Of the person.
    one_by_one : bool
        Whether the database asks this of single rows that it has found otherwise: it would then go through all that
        the person ever judged for each of them.
    """
    if reach.everywhere or (reach.runs and not (reach.judges | reach.records) - reach.runs):
        return rows
    seen = [any_of("dataset", reach.runs)] if reach.runs else []
    if people := _judges(reach):
        judged = [(given.by(people), "annotation") for given in claim_judgements]
        seen += [_each(*one) if one_by_one else among("pk", *one) for one in judged]
    return rows.filter(reduce(or_, seen)) if seen else rows.none()


def _each(judgements: QuerySet[Any], key: str) -> Q:
    return Q(Exists(judgements.filter(**{key: OuterRef("pk")})))


def _judges(reach: Reach) -> list[int]:
    return reach.persons_in(reach.people.keys() - reach.runs)
