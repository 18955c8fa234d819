"""Addresses of voting."""

from __future__ import annotations

from django.urls import path

from validate import views

urlpatterns = [path("d/<slug:slug>/vote/", views.vote, name="vote")]
