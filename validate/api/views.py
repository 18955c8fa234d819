"""Votes through the API."""

from __future__ import annotations

from typing import cast

import django_filters
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from curation.api.filters import ReachedFilter
from curation.api.permissions import require_role
from curation.api.views import person, reach
from curation.models import Role, Submission
from curation.selectors.access import audible_submissions
from curation.selectors.reach import pointing, reached_judgements
from curation.services.participants import participant_for_user
from validate.models import Vote
from validate.models.vote import VoteSource
from validate.services.votes import VoteRefusedError, record_vote

VOTES_ON_SUBMISSIONS = (Role.ANNOTATOR,)


class VoteFilter(ReachedFilter):
    """Narrow votes by dataset, submission and voter."""

    submission = django_filters.CharFilter(field_name="submission", method="by_submission")
    voter = django_filters.CharFilter(field_name="voter", method="by_person")

    class Meta:
        model = Vote
        fields: tuple[str, ...] = ()

    def by_submission(self, queryset: QuerySet[Vote], name: str, value: str) -> QuerySet[Vote]:
        """Keep votes on the submission."""
        return pointing(queryset, name, self.keys(Submission.objects.filter(external_id=value)))


class VoteSerializer(serializers.ModelSerializer[Vote]):
    """A vote."""

    dataset = serializers.CharField(source="submission.dataset.slug", read_only=True)
    submission = serializers.CharField(source="submission.external_id", read_only=True)
    voter = serializers.CharField(source="voter.code", read_only=True)

    class Meta:
        model = Vote
        fields = ("id", "dataset", "submission", "voter", "gain", "privacy", "acoustic_cue", "position", "created_at")
        read_only_fields = fields


class BallotSerializer(serializers.Serializer[dict[str, object]]):
    """What a voter says of one submission."""

    submission_id = serializers.IntegerField(help_text="The submission's `id`.")
    gain = serializers.BooleanField()
    privacy = serializers.BooleanField()
    acoustic_cue = serializers.BooleanField()


class VoteViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Vote]):
    """Votes: a curator sees all of the dataset, whoever has a role there their own."""

    queryset = Vote.objects.none()
    serializer_class = VoteSerializer
    filterset_class = VoteFilter

    def get_queryset(self) -> QuerySet[Vote]:
        """Keep what the person may see."""
        votes = Vote.objects.select_related("submission__dataset", "voter")
        return reached_judgements(votes, reach(self), judged=Submission.objects.all(), of="submission", by="voter")

    @extend_schema(request=BallotSerializer, responses={201: VoteSerializer, 409: None})
    def create(self, request: Request) -> Response:
        """Vote on a submission; a vote is given once and stays."""
        ballot = BallotSerializer(data=request.data)
        ballot.is_valid(raise_exception=True)
        answers = cast("dict[str, bool]", ballot.validated_data)
        submission = get_object_or_404(
            audible_submissions(person(request)).select_related("dataset"), pk=answers["submission_id"]
        )
        require_role(person(request), submission.dataset, VOTES_ON_SUBMISSIONS)
        try:
            vote = record_vote(
                submission=submission,
                voter=participant_for_user(dataset=submission.dataset, user=person(request)),
                gain=answers["gain"],
                privacy=answers["privacy"],
                acoustic_cue=answers["acoustic_cue"],
                source=VoteSource.API,
            )
        except VoteRefusedError as error:
            return Response({"reason": error.reason, "detail": error.detail}, status=status.HTTP_409_CONFLICT)
        return Response(self.get_serializer(vote).data, status=status.HTTP_201_CREATED)
