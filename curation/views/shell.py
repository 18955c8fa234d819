"""What every page stands in: who asks, in which dataset, where they may go, what is running.

A view opens its dataset with `open_dataset` (no role there: 404, as if it did not exist) and answers
with `render_page`, which adds the top bar. Neither costs a query per row: opening takes two, the bar one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from curation.models import Dataset, Role
from curation.registry import NavPlace, nav_places
from curation.selectors.access import may_judge, roles_in, visible_datasets
from curation.selectors.overview import active_jobs

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

EVERYBODY = frozenset(Role.values)
RUNS_DATASET = frozenset({Role.CURATOR.value, Role.ENGINEER.value})

OWN_PLACES = (
    NavPlace(
        name="dataset", order=10, label=_("Overview"), call=_("See the pipeline"), icon="overview", roles=EVERYBODY
    ),
    NavPlace(
        name="submissions",
        order=20,
        label=_("Submissions"),
        call=_("See submissions"),
        icon="submissions",
        roles=RUNS_DATASET | {Role.PARTICIPANT.value},
    ),
    NavPlace(name="clips", order=50, label=_("Clips"), call=_("Listen to clips"), icon="clips", roles=EVERYBODY),
    NavPlace(name="jobs", order=60, label=_("Jobs"), call=_("See jobs"), icon="jobs", roles=RUNS_DATASET),
)


@dataclass(frozen=True, kw_only=True)
class Desk:
    """A person at work in one dataset."""

    dataset: Dataset
    roles: frozenset[str]

    @property
    def runs_dataset(self) -> bool:
        """Whether the person sees everything in the dataset."""
        return bool(self.roles & RUNS_DATASET)

    @property
    def judges(self) -> bool:
        """Whether the person votes and rates here."""
        return may_judge(self.roles)

    @property
    def lists_clips(self) -> bool:
        """Whether the list of clips shows the person all of them."""
        return self.runs_dataset or self.judges


@dataclass(frozen=True, kw_only=True)
class Destination:
    """A place of the top bar, with its address."""

    name: str
    label: StrOrPromise
    call: StrOrPromise
    icon: str
    url: str
    current: bool


def open_dataset(request: HttpRequest, slug: str) -> Desk:
    """Find the dataset for the person who asks.

    Raises
    ------
    Http404
        If there is no such dataset or the person has no role in it.
    """
    dataset = visible_datasets(request.user).filter(slug=slug).first()
    if dataset is None:
        message = f"No dataset {slug!r} for this account."
        raise Http404(message)
    return Desk(dataset=dataset, roles=frozenset(roles_in(request.user, dataset)))


def destinations(dataset: Dataset, roles: frozenset[str], current: str = "") -> list[Destination]:
    """Return the places of a dataset that roles may go to, in the bar's order."""
    places = sorted((*OWN_PLACES, *nav_places), key=lambda place: place.order)
    return [
        Destination(
            name=place.name,
            label=place.label,
            call=place.call,
            icon=place.icon,
            url=reverse(place.name, args=(dataset.slug,)),
            current=place.name == current,
        )
        for place in places
        if place.roles & roles
    ]


def render_page(
    request: HttpRequest,
    template: str,
    context: dict[str, Any] | None = None,
    *,
    desk: Desk | None = None,
    status: int = 200,
) -> HttpResponse:
    """Render a page inside the shell.

    Parameters
    ----------
    request : HttpRequest
        Who asks; the bar marks the place whose address this is.
    template : str
        A template that extends ``base.html``.
    context : dict, optional
        The page's own values.
    desk : Desk, optional
        The dataset that the page belongs to; without it the bar shows no places.
    status : int
        HTTP status.
    """
    values: dict[str, Any] = dict(context or {})
    if desk is not None:
        match = request.resolver_match
        values |= {
            "desk": desk,
            "dataset": desk.dataset,
            "places": destinations(desk.dataset, desk.roles, match.url_name or "" if match else ""),
            "running": active_jobs(desk.dataset) if desk.runs_dataset else None,
        }
    return render(request, template, values, status=status)
