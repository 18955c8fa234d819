"""Keeping a lease alive while the work goes on, and telling the work when it must stop."""

from __future__ import annotations

import logging
import threading
import time
from types import TracebackType
from typing import Self

from django.conf import settings
from django.db import Error, connection

from curation.services.job_leases import JobCancelledError, Lease, LeaseLostError, renew

TICK_S = 2.0
logger = logging.getLogger(__name__)


class Heartbeat:
    """A thread that renews one lease and stores the progress, on a database connection of its own.

    The work tells its progress by setting two numbers, so that it may do so as often as it likes and
    inside transactions. Started inside a caller's transaction there is no thread: the row is visible
    to nobody else then, so nobody can take it and nothing can renew it.
    """

    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        self._stop = threading.Event()
        self._lost = threading.Event()
        self._cancelled = threading.Event()
        self._progress: tuple[int, int | None] = (0, None)
        self._thread: threading.Thread | None = None

    @property
    def progress(self) -> tuple[int, int | None]:
        """The units done, and in all where known."""
        return self._progress

    @progress.setter
    def progress(self, value: tuple[int, int | None]) -> None:
        self._progress = value

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked the job to stop."""
        return self._cancelled.is_set()

    def check(self) -> None:
        """Stop the work if it may not go on.

        Raises
        ------
        LeaseLostError
            If another worker holds the job.
        JobCancelledError
            If somebody asked the job to stop.
        """
        if self._lost.is_set():
            message = f"Job {self._lease.job_id} belongs to another worker now."
            raise LeaseLostError(message)
        if self._cancelled.is_set():
            raise JobCancelledError("Somebody asked the job to stop.")

    def __enter__(self) -> Self:
        if not connection.in_atomic_block:
            self._thread = threading.Thread(target=self._beat, name=f"heartbeat-{self._lease.job_id}", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join()

    def _beat(self) -> None:
        renew_every_s = settings.JOB_LEASE_S / 4
        renewed_at, stored = time.monotonic(), self._progress
        try:
            while not self._stop.wait(min(TICK_S, renew_every_s)):
                progress = self._progress
                if progress == stored and time.monotonic() - renewed_at < renew_every_s:
                    continue
                if not self._renew(progress):
                    return
                renewed_at, stored = time.monotonic(), progress
        finally:
            connection.close()

    def _renew(self, progress: tuple[int, int | None]) -> bool:
        """Renew once; False when there is nothing left to renew."""
        done, total = progress
        try:
            if renew(lease=self._lease, done=done, total=total):
                self._cancelled.set()
        except LeaseLostError:
            self._lost.set()
            return False
        except Error as error:  # the database is busy or away: the lease outlasts three failures
            logger.warning("Job %s: the lease could not be renewed: %s", self._lease.job_id, error)
            connection.close()
        return True
