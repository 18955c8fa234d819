"""Lists and details of what a person may see. Every list is one page and a fixed number of queries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from curation.api import filters, serializers
from curation.api.pagination import NewestFirstPagination
from curation.api.permissions import RUNS_DATASET, require_role
from curation.models import (
    CandidateAnnotation,
    Category,
    Clip,
    CollectionTask,
    Dataset,
    Job,
    Participant,
    Release,
    Role,
    Split,
    SplitAssignment,
    Submission,
    User,
)
from curation.registry import job_kinds
from curation.selectors.access import visible_datasets
from curation.selectors.disclosure import with_disclosure
from curation.selectors.reach import Reach, reach_of, reached_annotations, reached_clips, reached_submissions
from curation.services.job_requests import UnusableWishError, WishBusyError, ask_for_job
from curation.services.jobs import cancel

if TYPE_CHECKING:
    from rest_framework.serializers import BaseSerializer


def person(request: Request) -> User:
    """Return who asks; the API answers to nobody else."""
    return cast("User", request.user)


def reach(view: viewsets.GenericViewSet[Any]) -> Reach:
    """Return what the person of a request reaches: for a list, in the dataset that it is narrowed to."""
    slug = view.request.query_params.get("dataset", "") if view.action == "list" else ""
    return reach_of(person(view.request), slug)


def run_datasets(user: User) -> QuerySet[Dataset]:
    """Return the datasets that the person runs, as curator or engineer."""
    if user.is_superuser:
        return Dataset.objects.all()
    return Dataset.objects.filter(memberships__user=user, memberships__role__in=RUNS_DATASET).distinct()


class DatasetViewSet(viewsets.ReadOnlyModelViewSet[Dataset]):
    """Datasets in which the person has a role."""

    queryset = Dataset.objects.none()
    serializer_class = serializers.DatasetSerializer
    lookup_field = "slug"
    lookup_value_regex = "[-a-zA-Z0-9_]+"  # a slug; PostgreSQL fails on text with a NUL

    def get_queryset(self) -> QuerySet[Dataset]:
        """Keep what the person may see."""
        return visible_datasets(person(self.request))

    def get_serializer_class(self) -> type[BaseSerializer[Dataset]]:
        """Show the policy with one dataset, not with each of a list."""
        return serializers.DatasetDetailSerializer if self.action == "retrieve" else serializers.DatasetSerializer


class CategoryViewSet(viewsets.ReadOnlyModelViewSet[Category]):
    """Categories of visible datasets."""

    queryset = Category.objects.none()
    serializer_class = serializers.CategorySerializer
    filterset_class = filters.CategoryFilter

    def get_queryset(self) -> QuerySet[Category]:
        """Keep what the person may see."""
        datasets = visible_datasets(person(self.request))
        return Category.objects.filter(dataset__in=datasets).select_related("dataset").prefetch_related("parents")


class ParticipantViewSet(viewsets.ReadOnlyModelViewSet[Participant]):
    """Participants by code, for curators and engineers."""

    queryset = Participant.objects.none()
    serializer_class = serializers.ParticipantSerializer
    filterset_class = filters.ParticipantFilter

    def get_queryset(self) -> QuerySet[Participant]:
        """Keep the participants of datasets that the person runs."""
        return Participant.objects.filter(dataset__in=run_datasets(person(self.request))).select_related("dataset")


class TaskViewSet(viewsets.ReadOnlyModelViewSet[CollectionTask]):
    """Collection tasks of visible datasets."""

    queryset = CollectionTask.objects.none()
    serializer_class = serializers.TaskSerializer
    filterset_class = filters.TaskFilter

    def get_queryset(self) -> QuerySet[CollectionTask]:
        """Keep what the person may see."""
        datasets = visible_datasets(person(self.request))
        return CollectionTask.objects.filter(dataset__in=datasets).select_related("dataset", "category")


class SubmissionViewSet(viewsets.ReadOnlyModelViewSet[Submission]):
    """Submissions that the person may hear."""

    queryset = Submission.objects.none()
    serializer_class = serializers.SubmissionSerializer
    filterset_class = filters.SubmissionFilter

    def get_queryset(self) -> QuerySet[Submission]:
        """Keep what the person may hear."""
        return reached_submissions(reach(self)).select_related("dataset", "task__category", "participant")


class ClipViewSet(viewsets.ReadOnlyModelViewSet[Clip]):
    """Clips that the person may hear."""

    queryset = Clip.objects.none()
    serializer_class = serializers.ClipSerializer
    filterset_class = filters.ClipFilter

    def get_queryset(self) -> QuerySet[Clip]:
        """Keep what the person may hear."""
        return reached_clips(reach(self)).select_related("dataset", "participant", "submission")


class AnnotationViewSet(viewsets.ReadOnlyModelViewSet[CandidateAnnotation]):
    """Candidate annotations of clips that the person may hear."""

    queryset = CandidateAnnotation.objects.none()
    serializer_class = serializers.AnnotationSerializer
    filterset_class = filters.AnnotationFilter

    def get_queryset(self) -> QuerySet[CandidateAnnotation]:
        """Keep what the person may hear."""
        reached = reach(self)
        return with_disclosure(reached_annotations(reached), reached).select_related("dataset", "clip", "category")


class SplitViewSet(viewsets.ReadOnlyModelViewSet[Split]):
    """Splits of datasets that the person runs."""

    queryset = Split.objects.none()
    serializer_class = serializers.SplitSerializer
    filterset_class = filters.SplitFilter

    def get_queryset(self) -> QuerySet[Split]:
        """Keep the splits of datasets that the person runs."""
        return Split.objects.filter(dataset__in=run_datasets(person(self.request))).select_related("dataset")


class SplitAssignmentViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[SplitAssignment]):
    """Which part each participant went to, for curators and engineers."""

    queryset = SplitAssignment.objects.none()
    serializer_class = serializers.SplitAssignmentSerializer
    filterset_class = filters.SplitAssignmentFilter

    def get_queryset(self) -> QuerySet[SplitAssignment]:
        """Keep the assignments of datasets that the person runs."""
        datasets = run_datasets(person(self.request))
        return SplitAssignment.objects.filter(split__dataset__in=datasets).select_related("split", "participant")


class ReleaseViewSet(viewsets.ReadOnlyModelViewSet[Release]):
    """Releases of datasets that the person runs."""

    queryset = Release.objects.none()
    serializer_class = serializers.ReleaseSerializer
    filterset_class = filters.ReleaseFilter

    def get_queryset(self) -> QuerySet[Release]:
        """Keep the releases of datasets that the person runs; leave the long manifest out of lists."""
        datasets = run_datasets(person(self.request))
        releases = Release.objects.filter(dataset__in=datasets).select_related("dataset", "policy", "split")
        return releases if self.action == "retrieve" else releases.defer("manifest")

    def get_serializer_class(self) -> type[BaseSerializer[Release]]:
        """Show the manifest with one release."""
        return serializers.ReleaseDetailSerializer if self.action == "retrieve" else serializers.ReleaseSerializer


class JobViewSet(viewsets.ReadOnlyModelViewSet[Job]):
    """Jobs of datasets that the person runs; ask for one, cancel one."""

    queryset = Job.objects.none()
    serializer_class = serializers.JobSerializer
    filterset_class = filters.JobFilter
    pagination_class = NewestFirstPagination

    def get_queryset(self) -> QuerySet[Job]:
        """Keep the jobs of datasets that the person runs."""
        return Job.objects.filter(dataset__in=run_datasets(person(self.request))).select_related("dataset")

    @extend_schema(request=serializers.JobRequestSerializer, responses={202: serializers.JobSerializer, 409: None})
    def create(self, request: Request) -> Response:
        """Ask for background work; asking twice for the same returns the one job."""
        wish = serializers.JobRequestSerializer(data=request.data)
        wish.is_valid(raise_exception=True)
        said = dict(wish.validated_data)
        name, slug = said.pop("kind"), said.pop("dataset")
        dataset = visible_datasets(person(request)).filter(slug=slug).first()
        if dataset is None:
            message = f"You have no dataset {slug!r}. GET /api/datasets/ lists yours."
            raise NotFound(message)
        kinds = sorted(kind.name for kind in job_kinds if kind.requested_by)
        if name not in kinds:
            raise ValidationError({"kind": [f"{name!r} cannot be asked for. Known: {', '.join(kinds)}."]})
        require_role(person(request), dataset, [Role(role) for role in job_kinds[name].requested_by])
        try:
            job = ask_for_job(kind=job_kinds[name], dataset=dataset, said=said, created_by=person(request))
        except UnusableWishError as error:
            raise ValidationError({error.field: [error.detail]}) from error
        except WishBusyError as error:
            return Response({"reason": "already_running", "detail": str(error)}, status=status.HTTP_409_CONFLICT)
        return Response(self.get_serializer(job).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(request=None, responses={202: serializers.JobSerializer, 409: None})
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str | None = None) -> Response:  # noqa: ARG002 -- REST framework's signature
        """Ask a job to stop; it stops at its next step. A few kinds must be ended once they are begun."""
        job = self.get_object()
        if job.kind in job_kinds and not job_kinds[job.kind].can_be_stopped:
            detail = f"A job of the kind {job.kind} must be ended, or rows would be half changed. Wait for it."
            return Response({"reason": "cannot_stop", "detail": detail}, status=status.HTTP_409_CONFLICT)
        cancel(job=job)
        job.refresh_from_db()
        return Response(self.get_serializer(job).data, status=status.HTTP_202_ACCEPTED)
