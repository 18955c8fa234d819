"""Work whose every step is written down: in the database with the checkpoint, and in a log as it happens."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from curation.registry import JobKind, job_kinds
from curation.services.jobs import JobContext, JobFailedError

TICK_S = 0.02


def _tick(log: Path, job: str, attempt: int) -> None:
    """Say that this process is at work now; one short write in append mode is never torn."""
    with log.open("a", buffering=1) as file:
        file.write(f"{job} {attempt} {os.getpid()} {time.time():.4f}\n")


def units(context: JobContext) -> dict[str, Any]:
    """Do some units, each in a transaction with its checkpoint."""
    parameters, job = context.job.parameters, str(context.job.pk)
    log = Path(parameters["log"])
    for unit in range(context.job.checkpoint.get("next", 0), parameters["units"]):
        until = time.time() + parameters["unit_s"]
        while time.time() < until:
            _tick(log, job, context.job.attempts)
            time.sleep(TICK_S)
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(
                    "INSERT INTO fault_effect (job, unit, worker) VALUES (%s, %s, %s)", [job, unit, os.getpid()]
                )
            context.checkpoint({"next": unit + 1})
        context.progress(unit + 1, parameters["units"])
    return {"worker": os.getpid()}


def kill_worker(context: JobContext) -> dict[str, Any]:
    """Take the whole worker down, as running out of memory would."""
    _tick(Path(context.job.parameters["log"]), str(context.job.pk), context.job.attempts)
    os.killpg(0, signal.SIGKILL)
    return {}


def kill_process(context: JobContext) -> dict[str, Any]:
    """Take the pool's process down, as a crash in a decoder would."""
    _tick(Path(context.job.parameters["log"]), str(context.job.pk), context.job.attempts)
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def stumble(context: JobContext) -> dict[str, Any]:
    """Fail until the attempt that the parameters name."""
    if context.job.parameters.get("permanent"):
        raise JobFailedError("this never works")
    if context.job.attempts < context.job.parameters["works_in"]:
        message = f"no luck in attempt {context.job.attempts}"
        raise RuntimeError(message)
    return {"attempt": context.job.attempts}


def share_out(context: JobContext) -> dict[str, Any]:  # noqa: ARG001 -- a job's signature
    """Let processes of its own do the work, as reading many recordings does."""
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        return {"lengths": list(pool.map(len, ("a", "bb")))}


def register() -> None:
    """Make the kinds known, once in a process."""
    for run in (units, kill_worker, kill_process, stumble, share_out):
        name = f"fault_{run.__name__}"
        if name not in job_kinds:
            job_kinds.register(JobKind(name=name, run=run))
