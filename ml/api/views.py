"""Label verification through the API: start and follow runs, read what they found, accept labels unheard.

Whoever runs the dataset sees and starts runs, and its curators alone accept labels. Nothing here imports torch: workers
do the work.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from curation.api.parameters import refuse_unknown
from curation.api.permissions import require_role
from curation.api.views import person, run_datasets
from curation.models import Category, Dataset, Role
from ml.api.filters import PredictionFilter
from ml.api.pagination import NewestRunPagination, PriorityPagination
from ml.api.requests import AcceptRequestSerializer, RunRequestSerializer, UndoRequestSerializer
from ml.api.serializers import (
    AcceptanceSerializer,
    ListedTrunkSerializer,
    PredictionSerializer,
    RunDetailSerializer,
    RunSerializer,
)
from ml.models import Prediction, VerificationRun
from ml.selectors.listed_runs import listed_runs
from ml.selectors.predictions import predictions_by_priority
from ml.selectors.run_figures import acceptance_preview, why_nothing
from ml.selectors.runs import run_view, run_views
from ml.services.acceptance import AcceptanceRefusedError, AcceptanceReport, accept_labels, undo_acceptance
from ml.services.bulk_acceptance import BulkReport, accept_from, undo_all
from ml.services.run_choice import choose_run, undo_choice
from ml.services.runs import RunRefusedError, cancel_run, resume_run, start_run
from ml.services.trunk_files import listed_trunks

if TYPE_CHECKING:
    from rest_framework.serializers import BaseSerializer

ACCEPTS_LABELS = (Role.CURATOR,)


def refused(error: RunRefusedError | AcceptanceRefusedError) -> Response:
    """Answer what a service refused."""
    return Response({"reason": error.reason, "detail": error.detail}, status=status.HTTP_409_CONFLICT)


class OfDataset(viewsets.GenericViewSet[Any]):
    """Views below the address of a dataset that the person runs; to others there is no such dataset."""

    def dataset(self) -> Dataset:
        """Return the dataset of the address."""
        return get_object_or_404(run_datasets(person(self.request)), slug=self.kwargs["slug"])


class RunViewSet(OfDataset):
    """Runs of a dataset, newest first."""

    queryset = VerificationRun.objects.none()
    serializer_class = RunSerializer
    pagination_class = NewestRunPagination
    lookup_field = "number"

    def get_queryset(self) -> QuerySet[VerificationRun]:
        """Leave the figures out of lists."""
        if getattr(self, "swagger_fake_view", False):
            return VerificationRun.objects.none()
        runs = listed_runs(self.dataset())
        return runs.defer(None) if self.action == "retrieve" else runs

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        """Show steps and figures with one run."""
        return RunDetailSerializer if self.action == "retrieve" else RunSerializer

    def list(self, request: Request, slug: str) -> Response:  # noqa: ARG002 -- REST framework's signature
        """Return one page of runs and where each stands."""
        page = cast("list[VerificationRun]", self.paginate_queryset(self.filter_queryset(self.get_queryset())))
        return self.get_paginated_response(self.get_serializer(run_views(page), many=True).data)

    def retrieve(self, request: Request, slug: str, number: int) -> Response:  # noqa: ARG002 -- REST framework's signature
        """Return a run with its iterations, the steps of its present start, and its figures."""
        return Response(self.get_serializer(run_view(self.get_object())).data)

    @extend_schema(request=RunRequestSerializer, responses={202: RunSerializer, 409: None})
    def create(self, request: Request, slug: str) -> Response:  # noqa: ARG002 -- REST framework's signature
        """Start a run; workers of the queue `gpu` do it."""
        dataset = self.dataset()
        wish = RunRequestSerializer(data=request.data)
        wish.is_valid(raise_exception=True)
        try:
            run = start_run(dataset=dataset, created_by=person(request), **wish.validated_data)
        except RunRefusedError as error:
            return refused(error)
        return self._accepted(run.number)

    @extend_schema(request=None, responses={202: RunSerializer})
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, slug: str, number: int) -> Response:  # noqa: ARG002 -- REST framework's signature
        """Ask a run to stop; what is done stays, and a run that has stopped already is left as it is."""
        cancel_run(run=self.get_object(), by=person(request))
        return self._accepted(number)

    @extend_schema(request=None, responses={202: RunSerializer, 409: None})
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, slug: str, number: int) -> Response:  # noqa: ARG002 -- REST framework's signature
        """Let a failed or cancelled run go on where it was."""
        try:
            resume_run(run=self.get_object(), by=person(request))
        except RunRefusedError as error:
            return refused(error)
        return self._accepted(number)

    @extend_schema(request=None, responses={202: RunSerializer, 409: None})
    @action(detail=True, methods=["post"])
    def choose(self, request: Request, slug: str, number: int) -> Response:  # noqa: ARG002 -- REST framework's signature
        """Let people review by this run, whichever runs are finished later; a curator's word."""
        return self._chosen(choose_run)

    @extend_schema(request=None, responses={202: RunSerializer, 409: None})
    @action(detail=True, methods=["post"])
    def unchoose(self, request: Request, slug: str, number: int) -> Response:  # noqa: ARG002 -- REST framework's signature
        """Take that back: the newest finished run decides again."""
        return self._chosen(undo_choice)

    @extend_schema(
        request=AcceptRequestSerializer, responses={200: AcceptanceSerializer, 202: AcceptanceSerializer, 409: None}
    )
    @action(detail=True, methods=["post"])
    def accept(self, request: Request, slug: str, number: int) -> Response:  # noqa: ARG002 -- REST framework's signature
        """Accept labels unheard: some by id, or all from a probability on, given or that of a precision."""
        run, wish = self._for_curators(AcceptRequestSerializer)
        by = person(request)
        try:
            if "annotations" in wish:
                return _stored(accept_labels(run=run, annotations=wish["annotations"], by=by))
            threshold = wish["threshold"] if "threshold" in wish else _threshold(run, wish["precision"])
            return _stored(accept_from(run=run, threshold=threshold, by=by), threshold)
        except AcceptanceRefusedError as error:
            return refused(error)

    @extend_schema(
        request=UndoRequestSerializer, responses={200: AcceptanceSerializer, 202: AcceptanceSerializer, 409: None}
    )
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, slug: str, number: int) -> Response:  # noqa: ARG002 -- REST framework's signature
        """Take acceptances on the word of this run back: some by id, or all."""
        run, wish = self._for_curators(UndoRequestSerializer)
        by = person(request)
        try:
            if "annotations" in wish:
                return _stored(undo_acceptance(run=run, annotations=wish["annotations"], by=by))
            return _stored(undo_all(run=run, by=by))
        except AcceptanceRefusedError as error:
            return refused(error)

    def _chosen(self, act: Callable[..., bool]) -> Response:
        """Do what a curator says of the run.

        Raises
        ------
        PermissionDenied
            If the person is no curator of the dataset.
        """
        run = self.get_object()
        require_role(person(self.request), run.dataset, ACCEPTS_LABELS)
        try:
            act(run=run, by=person(self.request))
        except RunRefusedError as error:
            return refused(error)
        return self._accepted(run.number)

    def _accepted(self, number: int) -> Response:
        run = get_object_or_404(self.get_queryset(), number=number)
        return Response(RunSerializer(run_view(run)).data, status=status.HTTP_202_ACCEPTED)

    def _for_curators(
        self, form: type[serializers.Serializer[dict[str, Any]]]
    ) -> tuple[VerificationRun, dict[str, Any]]:
        """Return the run and what is asked of it.

        Raises
        ------
        PermissionDenied
            If the person is no curator of the dataset.
        ValidationError
            If the request does not say exactly one thing.
        """
        run = get_object_or_404(self.get_queryset().defer(None), number=self.kwargs["number"])
        require_role(person(self.request), run.dataset, ACCEPTS_LABELS)
        wish = form(data=self.request.data)
        wish.is_valid(raise_exception=True)
        return run, cast("dict[str, Any]", wish.validated_data)


class TrunkViewSet(OfDataset):
    """Pretrained trunks that the operator offers to runs."""

    serializer_class = ListedTrunkSerializer
    pagination_class = None
    filter_backends = ()

    @extend_schema(responses=ListedTrunkSerializer(many=True))
    def list(self, request: Request, slug: str) -> Response:  # noqa: ARG002 -- the address has it
        """Return those in the operator's folder, by name; the folder is the same for all datasets."""
        refuse_unknown(request)
        self.dataset()
        return Response(self.get_serializer(listed_trunks(), many=True).data)


def _threshold(run: VerificationRun, precision: float) -> float:
    """Return from which probability on labels reach a precision.

    Raises
    ------
    AcceptanceRefusedError
        `not_finished`, or `nothing_reaches`.
    """
    if run.finished_at is None:
        raise AcceptanceRefusedError("not_finished", f"Run {run.number} is not finished; its predictions may change.")
    preview = acceptance_preview(run, precision)
    if preview.threshold is None:
        raise AcceptanceRefusedError("nothing_reaches", str(why_nothing(run)))
    return preview.threshold


def _stored(report: AcceptanceReport | BulkReport, threshold: float | None = None) -> Response:
    queued = isinstance(report, BulkReport) and report.queued
    answer = {
        "stored": report.stored,
        "passed_over": None if isinstance(report, BulkReport) else report.passed_over,
        "queued": queued,
        "threshold": threshold,
    }
    return Response(
        AcceptanceSerializer(answer).data, status=status.HTTP_202_ACCEPTED if queued else status.HTTP_200_OK
    )


class PredictionViewSet(mixins.ListModelMixin, OfDataset):
    """What a run says of each candidate annotation, those that people should hear first first."""

    queryset = Prediction.objects.none()
    serializer_class = PredictionSerializer
    filterset_class = PredictionFilter
    pagination_class = PriorityPagination

    def get_queryset(self) -> QuerySet[Prediction]:
        """Keep the predictions of the run."""
        if getattr(self, "swagger_fake_view", False):
            return Prediction.objects.none()
        runs = VerificationRun.objects.filter(dataset=self.dataset()).defer("summary")
        run = get_object_or_404(runs, number=self.kwargs["number"])
        return predictions_by_priority(run)

    def list(self, request: Request, slug: str, number: int) -> Response:  # noqa: ARG002 -- REST framework's signature
        """Return one page, with the names of the categories that it mentions."""
        page = cast("list[Prediction]", self.paginate_queryset(self.filter_queryset(self.get_queryset())))
        mentioned = {int(category) for row in page for category, _ in row.top}
        names = dict(Category.objects.filter(pk__in=mentioned).values_list("pk", "name"))
        context = {**self.get_serializer_context(), "categories": names}
        return self.get_paginated_response(self.get_serializer_class()(page, many=True, context=context).data)
