"""Addresses of the API of ratings and quality estimates."""

from __future__ import annotations

from django.urls import path
from rest_framework.routers import SimpleRouter

from annotate.api.views import QualityView, RatingViewSet

router = SimpleRouter()
router.register("ratings", RatingViewSet, basename="api-rating")
urlpatterns = [
    *router.urls,
    path("datasets/<slug:slug>/quality/", QualityView.as_view(), name="api-quality"),
]
