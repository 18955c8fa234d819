"""Addresses of rating."""

from __future__ import annotations

from django.urls import path

from annotate import views

urlpatterns = [path("d/<slug:slug>/rate/", views.rate, name="rate")]
