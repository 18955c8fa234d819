"""Real workers, a real broker and a database that other processes can open.

The database stands in for the test's own for as long as a test runs: a file for SQLite, a database of
its own on the server that ``DATABASE_URL`` names. The broker is the one of ``BROKER_URL``; on a Redis the keys of
these tests begin with a word of their own, since any other worker that listens there (one that an interrupted run of
the tests left behind, or that of an installation) would take their messages away.
"""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import dj_database_url
import psycopg
import pytest
import redis
from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections
from django.db.utils import load_backend
from pytest_django.plugin import DjangoDbBlocker

from curation.celery import app
from curation.management.supervisor import die_with_parent
from curation.models import Job, JobState
from curation.services.jobs import enqueue

HERE = Path(__file__).parent
PROJECT = HERE.parents[1]
ENDED = {JobState.DONE, JobState.FAILED, JobState.CANCELLED}


@pytest.fixture(scope="session", autouse=True)
def _kinds() -> None:
    sys.path.insert(0, str(HERE))
    importlib.import_module("fault_kinds.kinds").register()


@pytest.fixture(scope="session", autouse=True)
def own_keys() -> Iterator[None]:
    """Give the messages of this process a prefix, which its workers learn from their environment."""
    address = settings.CELERY_BROKER_URL
    if not address.startswith("redis"):
        yield
        return
    prefix = f"earmark-faults-{uuid.uuid4().hex[:12]}:"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAULT_KEY_PREFIX", prefix)
        options = {**app.conf.broker_transport_options, "global_keyprefix": prefix}
        patch.setitem(app.conf, "broker_transport_options", options)
        app._after_fork()  # connections of tests before these know no prefix
        yield
    app._after_fork()
    with redis.Redis.from_url(address) as server:
        for key in server.scan_iter(f"{prefix}*"):
            server.delete(key)


@pytest.fixture
def database_url(tmp_path: Path) -> Iterator[str]:
    """Yield the address of an empty database of this test."""
    url = os.environ["DATABASE_URL"]
    if url.startswith("sqlite"):
        yield f"sqlite:///{tmp_path / 'faults.sqlite3'}"
        return
    name = f"earmark_faults_{uuid.uuid4().hex[:12]}"
    server = url.rpartition("/")[0]
    with psycopg.connect(f"{server}/postgres", autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
        yield f"{server}/{name}"
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def rows(database_url: str, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Point the ORM of this process at that database."""
    before = connections["default"]
    values = {**before.settings_dict, **dj_database_url.parse(database_url)}
    values["TEST"] = before.settings_dict["TEST"]
    values["OPTIONS"] = before.settings_dict["OPTIONS"]
    connections["default"] = load_backend(values["ENGINE"]).DatabaseWrapper(values, "default")
    try:
        with django_db_blocker.unblock():
            call_command("migrate", verbosity=0)
            with connection.cursor() as cursor:
                cursor.execute("CREATE TABLE fault_effect (job varchar(36), unit integer, worker integer)")
            yield
            connection.close()
    finally:
        connections["default"] = before


class Workers:
    """Worker processes of one test, each a process group of its own."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self._environment = environment
        self._folder = folder
        self._alive: list[subprocess.Popen[bytes]] = []

    def start(self) -> subprocess.Popen[bytes]:
        log = self._folder / f"worker-{uuid.uuid4().hex[:6]}.log"
        with log.open("wb") as output:
            worker = subprocess.Popen(
                [sys.executable, "manage.py", "worker"],
                cwd=PROJECT,
                env=self._environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509 -- tests run in one thread
            )
        self._alive.append(worker)
        return worker

    def send(self, worker: subprocess.Popen[bytes], number: int) -> None:
        """Signal the worker and its pool."""
        try:
            os.killpg(worker.pid, number)
        except ProcessLookupError:
            return

    def kill(self, worker: subprocess.Popen[bytes]) -> None:
        self.send(worker, signal.SIGKILL)
        worker.wait()
        if worker in self._alive:
            self._alive.remove(worker)

    def revive(self) -> int:
        """Start a worker for each that died; return how many."""
        dead = [worker for worker in self._alive if worker.poll() is not None]
        for worker in dead:
            self.kill(worker)
            self.start()
        return len(dead)

    def kill_all(self) -> None:
        for worker in list(self._alive):
            self.kill(worker)

    def output(self) -> str:
        return "".join(path.read_text() for path in sorted(self._folder.glob("worker-*.log")))


@pytest.fixture
def workers(
    rows: None,  # noqa: ARG001 -- the tables must be there before the workers
    database_url: str,
    tmp_path: Path,
) -> Iterator[Workers]:
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "DJANGO_SETTINGS_MODULE": "fault_settings",
        "PYTHONPATH": str(HERE),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    started = Workers(environment, tmp_path)
    yield started
    started.kill_all()


class Record:
    """What jobs did: units stored in the database, and moments at which processes were at work."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()

    def effects(self, job: Job) -> list[int]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT unit FROM fault_effect WHERE job = %s ORDER BY unit", [str(job.pk)])
            return [unit for (unit,) in cursor.fetchall()]

    def attempts(self, job: Job) -> list[tuple[float, float]]:
        """Return the first and last moment of each attempt, in order."""
        moments: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
        for line in self.path.read_text().splitlines():
            name, attempt, process, moment = line.split()
            if name == str(job.pk):
                moments[attempt, process].append(float(moment))
        return sorted((min(times), max(times)) for times in moments.values())

    def overlaps(self, job: Job) -> list[tuple[float, float]]:
        """Return the attempts that began before the one before had ended."""
        attempts = self.attempts(job)
        return [later for earlier, later in pairwise(attempts) if later[0] <= earlier[1]]


@pytest.fixture
def record(tmp_path: Path, rows: None) -> Record:  # noqa: ARG001 -- it reads them
    return Record(tmp_path / "record.log")


@pytest.fixture
def ask(record: Record) -> Callable[..., Job]:
    """Return a function that enqueues a job of the test's kinds."""

    def enqueue_one(kind: str, **parameters: Any) -> Job:
        return enqueue(kind=f"fault_{kind}", parameters={"log": str(record.path), **parameters}, key=uuid.uuid4().hex)

    return enqueue_one


def wait_until(condition: Callable[[], bool], *, seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds} s: {what}")
        time.sleep(0.05)


def state(job: Job) -> str:
    job.refresh_from_db()
    return job.state


@pytest.fixture
def ended(workers: Workers) -> Callable[..., None]:
    """Return a function that waits until all jobs have ended, and shows the workers' output if they do not."""

    def wait(*jobs: Job, seconds: float = 90.0) -> None:
        deadline = time.monotonic() + seconds
        while any(state(job) not in ENDED for job in jobs):
            if time.monotonic() > deadline:
                states = [(job.kind, job.state, job.attempts, job.error) for job in jobs if job.state not in ENDED]
                pytest.fail(f"not ended within {seconds} s: {states}\n{workers.output()[-4000:]}")
            time.sleep(0.1)

    return wait
