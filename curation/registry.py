"""Where upper floors add to what the lowest floor shows and runs.

Imports point down only. A release that includes ratings, a dataset page that shows votes and a pipeline
that imports both need rows of floors that `curation` must not know; those floors register here from
their ``AppConfig.ready``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

if TYPE_CHECKING:
    from pathlib import Path

    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django_stubs_ext import StrOrPromise

    from curation.domain.progress import Progress
    from curation.models import Clip, Dataset, Submission


class _Named(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def order(self) -> int: ...


Entry = TypeVar("Entry", bound=_Named)


class Registry(Generic[Entry]):
    """Entries by name, read in their order."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}

    def register(self, entry: Entry) -> None:
        """Add an entry.

        Raises
        ------
        ValueError
            If the name is taken.
        """
        if entry.name in self._entries:
            message = f"{entry.name!r} is registered already."
            raise ValueError(message)
        self._entries[entry.name] = entry

    def __iter__(self) -> Iterator[Entry]:
        return iter(sorted(self._entries.values(), key=lambda entry: (entry.order, entry.name)))

    def __getitem__(self, name: str) -> Entry:
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        return name in self._entries


@dataclass(frozen=True, kw_only=True)
class ExportTable:
    """A table that an export carries besides the clips (votes, ratings)."""

    name: str  # the file's name, "ratings.csv"
    order: int
    header: Sequence[str]
    rows: Callable[[Dataset], Iterator[Sequence[str]]]  # in a fixed order, pseudonyms only
    description: str  # one sentence for the README of the export
    # Whether a dataset has such a table; without, every export carries it, be it empty.
    wanted: Callable[[Dataset], bool] | None = None


@dataclass(frozen=True, kw_only=True)
class StepResult:
    """What one step of the pipeline did."""

    summary: str
    refused: int = 0
    refused_path: Path | None = None
    refused_before: bool = False  # the same rows as when the step ran last


@dataclass(frozen=True, kw_only=True)
class PipelineStep:
    """One step of `pipeline CONFIG.toml`; its name is the configuration's section."""

    name: str
    order: int
    # Takes the dataset, the checked section (paths made absolute) and a progress callback.
    run: Callable[[Dataset, dict[str, Any], Progress], StepResult]
    paths: Sequence[str] = ()  # keys of the section that are paths, relative to the configuration file
    keys: Sequence[str] = ()  # other keys the section may have
    required: Sequence[str] = ()  # those of both that it must have
    # Looks at the section before any step runs; raises ValueError with what is wrong and the remedy.
    check: Callable[[dict[str, Any]], None] | None = None
    # Looks at the files that the section names, and at the dataset's slug, before any step runs; raises ValueError.
    look: Callable[[dict[str, Any], str], None] | None = None
    needs_section: bool = True  # False: runs even where the configuration does not mention it


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage on the pipeline line of the dataset page."""

    name: str
    order: int
    label: StrOrPromise  # translated lazily
    # Returns the number that passed and short notes such as "14 waiting", for the dataset's summary.
    count: Callable[[Dataset], tuple[int, list[tuple[str, int]]]]


Place = Literal["clip", "submission", "home"]


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A part of a page that an upper floor fills."""

    name: str
    order: int
    place: Place
    template: str
    # Takes the request and the page's subject (None on the home page); None leaves the panel out.
    context: Callable[[HttpRequest, Clip | Submission | None], dict[str, Any] | None]


@dataclass(frozen=True, kw_only=True)
class DatasetPanel:
    """A part of the dataset page that shows what an upper floor counted, without a query of its own."""

    name: str
    order: int
    template: str  # is given `part`
    part: str  # the name of a `SummaryPart`; the panel is left out while it is empty
    roles: frozenset[str]  # the roles that see it


@dataclass(frozen=True, kw_only=True)
class ClaimJudgements:
    """Where an upper floor keeps what people judged of candidate annotations; see `curation.selectors.disclosure`."""

    name: str
    order: int
    # Takes keys of participants; returns their judgements, rows with a column `annotation`.
    by: Callable[[Collection[int]], QuerySet[Any]]


@dataclass(frozen=True, kw_only=True)
class ConsensusFollower:
    """What an upper floor does when people settle candidate annotations, or are found to disagree after all."""

    name: str
    order: int
    # Takes keys of locked candidate annotations; called in the transaction that stores where they stand.
    follow: Callable[[Collection[int]], None]


@dataclass(frozen=True, kw_only=True)
class ClaimConfirmations:
    """Where an upper floor keeps which candidate annotations need no ratings any more."""

    name: str
    order: int
    rows: Callable[[], QuerySet[Any]]  # with a column `annotation`, of all datasets


@dataclass(frozen=True, kw_only=True)
class NavPlace:
    """A page of a dataset that the top bar leads to; its name is the address's name and takes the slug."""

    name: str
    order: int
    label: StrOrPromise  # one word, translated lazily
    call: StrOrPromise  # what to do there, for the home page: "Rate clips"
    icon: str  # a symbol of `frontend/templates/icons.html`
    roles: frozenset[str]  # the roles that see it


@dataclass(frozen=True, kw_only=True)
class SummaryPart:
    """Figures of an upper floor that the dataset's cached summary keeps beside its own."""

    name: str
    order: int
    # Returns plain JSON values; may take seconds at a million clips, so pages only ever read the summary.
    compute: Callable[[Dataset], dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class JobWish:
    """What is asked of a kind of background work, as the job's row keeps it."""

    parameters: dict[str, Any] = field(default_factory=dict)
    key: str = ""  # two active jobs of one kind, dataset and key are one


@dataclass(frozen=True, kw_only=True)
class JobKind:
    """A kind of background work, run by the function it names."""

    name: str
    order: int = 0
    queue: str = "default"
    requested_by: Sequence[str] = ()  # roles that may ask for it; nobody but the product itself where empty
    can_be_stopped: bool = True  # False: what it has begun must be ended, or the rows would be half changed
    keys: Sequence[str] = ()  # what whoever asks for it may say, each a text
    required: Sequence[str] = ()  # those of them that must be said
    # Looks at what was said before there is a job; raises `curation.services.job_requests.UnusableWishError`.
    look: Callable[[Mapping[str, str]], JobWish] | None = None
    # Takes a `curation.services.jobs.JobContext`; returns the job's result.
    run: Callable[[Any], dict[str, Any]] = field(repr=False)


export_tables: Registry[ExportTable] = Registry()
pipeline_steps: Registry[PipelineStep] = Registry()
stages: Registry[Stage] = Registry()
panels: Registry[Panel] = Registry()
dataset_panels: Registry[DatasetPanel] = Registry()
claim_judgements: Registry[ClaimJudgements] = Registry()
consensus_followers: Registry[ConsensusFollower] = Registry()
claim_confirmations: Registry[ClaimConfirmations] = Registry()
nav_places: Registry[NavPlace] = Registry()
summary_parts: Registry[SummaryPart] = Registry()
job_kinds: Registry[JobKind] = Registry()
