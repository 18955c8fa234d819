"""Addresses of label verification."""

from __future__ import annotations

from django.urls import path

from ml.views import comparison, labels, run, runs

urlpatterns = [
    path("d/<slug:slug>/verification/", runs.verification, name="verification"),
    path("d/<slug:slug>/verification/estimate/", runs.estimate, name="verification-estimate"),
    path("d/<slug:slug>/verification/compare/", comparison.compare, name="verification-compare"),
    path("d/<slug:slug>/verification/<int:number>/", run.run_page, name="verification-run"),
    path("d/<slug:slug>/verification/<int:number>/cancel/", run.cancel, name="verification-cancel"),
    path("d/<slug:slug>/verification/<int:number>/resume/", run.resume, name="verification-resume"),
    path("d/<slug:slug>/verification/<int:number>/choose/", run.choose, name="verification-choose"),
    path("d/<slug:slug>/verification/<int:number>/unchoose/", run.unchoose, name="verification-unchoose"),
    path("d/<slug:slug>/verification/<int:number>/accept/", labels.accept, name="verification-accept"),
    path("d/<slug:slug>/verification/<int:number>/undo/", labels.undo, name="verification-undo"),
]
