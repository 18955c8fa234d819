"""The one Celery task, and what a worker process does besides: it sweeps."""

from __future__ import annotations

import logging
import multiprocessing
import threading
import uuid
from multiprocessing.process import AuthenticationString  # type: ignore[attr-defined]  # typeshed leaves it out
from typing import Any

from celery import shared_task
from celery.signals import worker_process_init, worker_ready, worker_shutting_down
from django.conf import settings
from django.db import connection

from curation.services import jobs
from curation.services.job_messages import RUN_JOB
from curation.services.job_sweeper import sweep

logger = logging.getLogger(__name__)
_stopping = threading.Event()


@shared_task(name=RUN_JOB)
def run_job(job_id: str) -> None:
    """Run the job that a message names; messages carry an id and nothing else."""
    jobs.run_job(job_id=uuid.UUID(job_id))


@worker_process_init.connect
def allow_children(**_: Any) -> None:
    """Let jobs start processes of their own: audio is decoded in a child, segments are cut on all cores.

    The pool marks its processes as daemons, which may not have children, and gives them a key that only children of its
    own kind may take over.
    """
    config = multiprocessing.current_process()._config  # type: ignore[attr-defined]
    config["daemon"] = False
    config["authkey"] = AuthenticationString(config["authkey"])


@worker_ready.connect
def start_sweeper(**_: Any) -> None:
    """Sweep beside the work, so that no installation lacks a sweeper."""
    threading.Thread(target=_sweep_for_ever, name="sweeper", daemon=True).start()


@worker_shutting_down.connect
def stop_sweeper(**_: Any) -> None:
    """Send nothing more once the worker is being stopped."""
    _stopping.set()


def _sweep_for_ever() -> None:
    while not _stopping.is_set():
        try:
            sweep()
        except Exception:
            logger.exception("The sweep failed; the next one comes in %s s.", settings.JOB_SWEEP_S)
        finally:
            connection.close()  # a pool process that is started next must not inherit it
        _stopping.wait(settings.JOB_SWEEP_S)
