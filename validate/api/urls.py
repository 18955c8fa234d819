"""Addresses of the API of votes."""

from __future__ import annotations

from rest_framework.routers import SimpleRouter

from validate.api.views import VoteViewSet

router = SimpleRouter()
router.register("votes", VoteViewSet, basename="api-vote")
urlpatterns = router.urls
