"""What the shell, the home page and the dataset page read, each in a fixed number of queries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import Count, OuterRef, Prefetch, QuerySet, Subquery
from django.db.models.functions import Coalesce

from curation.models import (
    ACTIVE_STATES,
    Clip,
    Dataset,
    DatasetSummary,
    ImportRun,
    Job,
    Membership,
    Participant,
    Role,
    Split,
    Submission,
    SubmissionState,
    Subset,
    User,
)
from curation.selectors.access import visible_datasets
from curation.selectors.summaries import SummaryView, read_summary

MAX_ACTIVE_JOBS = 50  # more than these are not read to draw one pill


HOUSEKEEPING = "summarise"  # counting for the pages themselves is nobody's news
RECENT = 8  # jobs and imports at the side of the dataset page


@dataclass(frozen=True, kw_only=True)
class ActiveJobs:
    """The unfinished jobs of a dataset, for one pill.

    Attributes
    ----------
    count : int
        Queued and running jobs, at most `MAX_ACTIVE_JOBS`.
    percent : int or None
        Mean progress of those whose total is known, 0 to 100; None where no total is known.
    """

    count: int
    percent: int | None


def active_jobs(dataset: Dataset) -> ActiveJobs:
    """Return how much work of a dataset is going on."""
    rows = list(
        Job.objects.filter(dataset=dataset, state__in=ACTIVE_STATES)
        .exclude(kind=HOUSEKEEPING)
        .values_list("progress_done", "progress_total")[:MAX_ACTIVE_JOBS]
    )
    shares = [min(done / total, 1.0) for done, total in rows if total]
    percent = round(100 * sum(shares) / len(shares)) if shares else None
    return ActiveJobs(count=len(rows), percent=percent)


@dataclass(frozen=True, kw_only=True)
class HomeEntry:
    """A dataset on a person's first page; `roles` as in `curation.selectors.access.roles_in`."""

    dataset: Dataset
    roles: frozenset[str]
    role_labels: list[str]
    summary: SummaryView | None


def home_datasets(user: User | AnonymousUser) -> list[HomeEntry]:
    """Return the person's datasets with roles and stored counts, in three queries."""
    own = Membership.objects.filter(user=user) if isinstance(user, User) else Membership.objects.none()
    datasets = visible_datasets(user).prefetch_related(
        Prefetch("memberships", queryset=own, to_attr="own_memberships"),
        Prefetch("summary", queryset=DatasetSummary.objects.all()),
    )
    everything = frozenset({*Role.values, "operator"})
    entries = []
    for dataset in datasets:
        memberships: list[Membership] = dataset.own_memberships
        row: DatasetSummary | None = getattr(dataset, "summary", None)
        entries.append(
            HomeEntry(
                dataset=dataset,
                roles=everything if user.is_superuser else frozenset(one.role for one in memberships),
                role_labels=sorted(str(one.get_role_display()) for one in memberships),
                summary=None if row is None else read_summary(row),
            )
        )
    return entries


@dataclass(frozen=True, kw_only=True)
class HeatCell:
    """One class in one part of a split: clips, share of the class, and the share as a level from 0 to 10."""

    clips: int
    share: float
    level: int


@dataclass(frozen=True, kw_only=True)
class SplitView:
    """A split as a table of classes by parts."""

    split: Split
    subsets: list[str]
    rows: list[tuple[str, list[HeatCell], int]]  # class, cells in the order of `subsets`, clips in all
    totals: list[HeatCell]
    total: int


def split_view(dataset: Dataset) -> SplitView | None:
    """Return the newest split's table, or None if the dataset was never split."""
    split = Split.objects.filter(dataset=dataset).order_by("-number").first()
    if split is None:
        return None
    rows = []
    sums = dict.fromkeys(Subset.values, 0)
    for name, counts in sorted(split.table.items()):
        for subset in Subset.values:
            sums[subset] += counts.get(subset, 0)
        rows.append((name, *_cells(counts)))
    totals, total = _cells(sums)
    return SplitView(
        split=split, subsets=[str(label) for label in Subset.labels], rows=rows, totals=totals, total=total
    )


def _cells(counts: dict[str, int]) -> tuple[list[HeatCell], int]:
    total = sum(counts.get(subset, 0) for subset in Subset.values)
    cells = []
    for subset in Subset.values:
        clips = counts.get(subset, 0)
        share = clips / total if total else 0.0
        cells.append(HeatCell(clips=clips, share=share, level=round(10 * share)))
    return cells, total


@dataclass(frozen=True, kw_only=True)
class OwnCounts:
    """What became of one person's recordings in a dataset: submissions by state, and clips."""

    submissions: int
    undecided: int
    accepted: int
    rejected: int
    clips: int


def own_counts(user: User | AnonymousUser, dataset: Dataset) -> OwnCounts:
    """Count a person's own rows, in one query."""
    if not isinstance(user, User):
        return OwnCounts(submissions=0, undecided=0, accepted=0, rejected=0, clips=0)
    own = Submission.objects.filter(participant=OuterRef("pk"))
    counts = {state: _count_of(own.filter(state=state)) for state in SubmissionState.values}
    person = (
        Participant.objects.filter(dataset=dataset, user=user)
        .order_by()
        .values_list(*counts.values(), _count_of(Clip.objects.filter(participant=OuterRef("pk"))))
        .first()
    ) or (0,) * (len(counts) + 1)
    states = dict(zip(counts, person, strict=False))
    return OwnCounts(
        submissions=sum(states.values()),
        undecided=states[SubmissionState.UNDECIDED],
        accepted=states[SubmissionState.ACCEPTED],
        rejected=states[SubmissionState.REJECTED],
        clips=person[-1],
    )


def _count_of(rows: QuerySet[Any]) -> Coalesce:
    """Return how many rows of an outer participant there are, as a column."""
    return Coalesce(Subquery(rows.order_by().values("participant").annotate(n=Count("pk")).values("n")), 0)


def recent_jobs(dataset: Dataset) -> list[Job]:
    """Return the newest jobs of a dataset."""
    return list(Job.objects.filter(dataset=dataset).order_by("-created_at", "-id")[:RECENT])


def recent_imports(dataset: Dataset) -> list[ImportRun]:
    """Return the newest imports of a dataset."""
    return list(ImportRun.objects.filter(dataset=dataset).order_by("-finished_at")[:RECENT])
