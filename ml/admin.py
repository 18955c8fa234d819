"""Pages for the operator: runs and acceptances, to be looked at alone.

Predictions are not among them: there is one for each label and run, and the pages and the API of a run show them in an
order that means something.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

from curation.admin import ReadOnlyAdmin
from ml.models import AcceptanceEvent, ChoiceEvent, VerificationRun

MOST_LISTED = 10_000

if TYPE_CHECKING:  # Django's own class takes no parameters at run time
    RowPaginator = Paginator[Any]
else:
    RowPaginator = Paginator


class NewestRowsPaginator(RowPaginator):
    """Pages of the newest rows alone: counting a million would take longer than reading a page of them."""

    @cached_property
    def count(self) -> int:
        """Count up to as many as are listed."""
        rows: Any = self.object_list
        found: int = rows.order_by().values("pk")[:MOST_LISTED].count()
        return found


@admin.register(VerificationRun)
class VerificationRunAdmin(ReadOnlyAdmin):
    """Runs with all that they depend on; figures and steps stand on a run's own page."""

    ordering = ("-created_at",)
    list_display = ("dataset", "number", "recipe", "attempt", "created_at", "cancelled_at", "finished_at")
    list_select_related = ("dataset",)
    list_filter = ("recipe",)
    exclude = ("summary",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Leave the figures in the database: no page here shows them."""
        return super().get_queryset(request).defer("summary")


@admin.register(AcceptanceEvent)
class AcceptanceEventAdmin(ReadOnlyAdmin):
    """Who accepted which label unheard, and who took it back; the newest first."""

    ordering = ("-pk",)
    paginator = NewestRowsPaginator
    list_display = ("run", "annotation_id", "kind", "by", "created_at")
    list_select_related = ("run__dataset", "by")
    list_filter = ("kind",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Leave the figures of runs in the database: they may be large, and each row names its run."""
        return super().get_queryset(request).defer("run__summary")


@admin.register(ChoiceEvent)
class ChoiceEventAdmin(ReadOnlyAdmin):
    """Who let people review by which run, and who took that back; the newest first."""

    ordering = ("-pk",)
    list_display = ("run", "kind", "by", "created_at")
    list_select_related = ("run__dataset", "by")
    list_filter = ("kind",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Leave the figures of runs in the database: they may be large, and each row names its run."""
        return super().get_queryset(request).defer("run__summary")
