"""Earmark's settings with short leases and the kinds of job that the fault tests run."""

import os

from curation.settings import *  # noqa: F403
from curation.settings import CELERY_BROKER_TRANSPORT_OPTIONS, INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "fault_kinds"]
JOB_LEASE_S = 3.0
JOB_SWEEP_S = 0.5
JOB_RESEND_S = 4.0
JOB_BACKOFF_S = 0.2
if _prefix := os.environ.get("FAULT_KEY_PREFIX"):
    CELERY_BROKER_TRANSPORT_OPTIONS = {**CELERY_BROKER_TRANSPORT_OPTIONS, "global_keyprefix": _prefix}
