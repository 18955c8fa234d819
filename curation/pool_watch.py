"""Ending a worker whose pool may wait for ever.

With the embedded broker Celery hands jobs to its processes through one pipe that they read in turn, under a lock. A
process that is killed while it waits for a job (the kernel's want of memory picks anybody) takes the lock with it: its
successor starts, and nobody ever reads again, without a word in the log. The worker ends instead; `serve`, or
whatever keeps it running, starts another. With Redis or RabbitMQ each process has a pipe of its own.
"""

from __future__ import annotations

import logging
import os
import signal
from contextlib import suppress
from functools import partial
from typing import Any

from celery.concurrency.asynpool import AsynPool
from celery.signals import worker_ready

logger = logging.getLogger(__name__)
TRY_AGAIN = 75  # EX_TEMPFAIL of sysexits.h


def install() -> None:
    """Watch the pool of every worker that starts in this process."""
    worker_ready.connect(_watch)


def _watch(sender: Any, **_: Any) -> None:
    pool = sender.pool._pool
    if not isinstance(pool, AsynPool):
        pool.on_process_down = partial(_end_if_idle, pool)


def _end_if_idle(pool: Any, process: Any) -> None:
    """End the worker if a process of its pool was killed while it had no job; one with a job holds no lock."""
    busy = any(process.pid in job.worker_pids() for job in list(pool._cache.values()))
    if busy or (process.exitcode or 0) >= 0:
        return
    logger.error(
        "A process that waited for jobs was killed (signal %d). The others might wait for it for ever, so that this "
        "worker ends; start it again.",
        -process.exitcode,
    )
    for other in list(pool._pool):
        with suppress(ProcessLookupError):
            os.kill(other.pid, signal.SIGKILL)
    os._exit(TRY_AGAIN)
