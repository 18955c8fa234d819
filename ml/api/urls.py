"""Addresses of the API of label verification, below those of a dataset."""

from __future__ import annotations

from django.urls import path

from ml.api.views import PredictionViewSet, RunViewSet, TrunkViewSet

RUNS = "datasets/<slug:slug>/verification-runs/"
RUN = f"{RUNS}<int:number>/"

urlpatterns = [
    path(RUNS, RunViewSet.as_view({"get": "list", "post": "create"}), name="api-verification-runs"),
    path(RUN, RunViewSet.as_view({"get": "retrieve"}), name="api-verification-run"),
    *(
        path(f"{RUN}{word}/", RunViewSet.as_view({"post": word}), name=f"api-verification-run-{word}")
        for word in ("cancel", "resume", "choose", "unchoose", "accept", "undo")
    ),
    path(
        "datasets/<slug:slug>/verification-trunks/",
        TrunkViewSet.as_view({"get": "list"}),
        name="api-verification-trunks",
    ),
    path(f"{RUN}predictions/", PredictionViewSet.as_view({"get": "list"}), name="api-verification-predictions"),
]
