"""Earmark's settings with short leases and the kinds of job that the fault tests run."""

from curation.settings import *  # noqa: F403
from curation.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "fault_kinds"]
JOB_LEASE_S = 3.0
JOB_SWEEP_S = 0.5
JOB_RESEND_S = 4.0
JOB_BACKOFF_S = 0.2
