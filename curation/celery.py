"""The Celery application. Its modules are called ``jobs``, because *task* means collection task here."""

from __future__ import annotations

import os

from celery import Celery

from curation.embedded_broker import install

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "curation.settings")

install()
app = Celery("earmark")
app.config_from_object("django.conf:settings", namespace="CELERY")
