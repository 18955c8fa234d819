"""The Celery application. Its modules are called ``jobs``, because *task* means collection task here."""

from __future__ import annotations

import os

from celery import Celery

from curation import embedded_broker, pool_watch

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "curation.settings")

embedded_broker.install()
pool_watch.install()
app = Celery("earmark")
app.config_from_object("django.conf:settings", namespace="CELERY")
