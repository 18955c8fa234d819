"""The place in the top bar that leads to rating, and ratings on the page of a clip.

Judgements must be independent, and further ones are taken after agreement: whoever does not run the dataset sees the
ratings of others on a candidate annotation only once they have rated it themselves.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from annotate.models import Rating
from annotate.selectors.ratings import ratings_of
from curation.models import Clip, Role, Submission, User
from curation.registry import NavPlace, Panel
from curation.selectors.access import curated_datasets
from curation.selectors.history import HistoryEvent


def ratings_panel(request: HttpRequest, subject: Clip | Submission | None) -> dict[str, Any] | None:
    """Return the ratings on a clip's candidate annotations."""
    if not isinstance(subject, Clip) or not isinstance(request.user, User):
        return None
    own = Rating.objects.filter(annotation=OuterRef("annotation"), annotator__user=request.user)
    ratings = list(ratings_of(subject).filter(Exists(own) | Q(annotation__dataset__in=curated_datasets(request.user))))
    return {
        "ratings": ratings,
        "history": [
            HistoryEvent(
                at=rating.created_at,
                title=rating.presence,
                detail=f"{rating.annotator.code}, {rating.annotation.category.name}",
            )
            for rating in ratings
        ],
    }


PANELS = (Panel(name="ratings-on-clip", order=30, place="clip", template="panels/ratings.html", context=ratings_panel),)

PLACE = NavPlace(
    name="rate",
    order=40,
    label=_("Rate"),
    call=_("Rate clips"),
    icon="rate",
    roles=frozenset({Role.ANNOTATOR.value}),
)
