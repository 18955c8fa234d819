"""Addresses of the API; the upper floors' lists stand beside this one."""

from __future__ import annotations

from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView
from rest_framework.routers import SimpleRouter

from curation.api import entry, views

router = SimpleRouter()
router.register("datasets", views.DatasetViewSet, basename="api-dataset")
router.register("categories", views.CategoryViewSet, basename="api-category")
router.register("participants", views.ParticipantViewSet, basename="api-participant")
router.register("tasks", views.TaskViewSet, basename="api-task")
router.register("submissions", views.SubmissionViewSet, basename="api-submission")
router.register("clips", views.ClipViewSet, basename="api-clip")
router.register("annotations", views.AnnotationViewSet, basename="api-annotation")
router.register("splits", views.SplitViewSet, basename="api-split")
router.register("split-assignments", views.SplitAssignmentViewSet, basename="api-split-assignment")
router.register("releases", views.ReleaseViewSet, basename="api-release")
router.register("jobs", views.JobViewSet, basename="api-job")

urlpatterns = [
    path("", entry.IndexView.as_view(), name="api-index"),
    path("schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("", include(router.urls)),
    path("", include("validate.api.urls")),
    path("", include("annotate.api.urls")),
    path("", include("ml.api.urls")),
    re_path("", entry.UnknownView.as_view()),
]
