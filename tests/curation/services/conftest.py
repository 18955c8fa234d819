from __future__ import annotations

import uuid

import pytest

from curation.registry import JobKind, Registry, job_kinds
from tests.factories.jobs import Work


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    kinds: Registry[JobKind] = Registry()
    work = Work()
    kinds.register(JobKind(name="work", run=work))
    monkeypatch.setattr(job_kinds, "_entries", kinds._entries)
    return work


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[uuid.UUID]:
    """Return the jobs for which a message went out; no broker is needed to say so."""
    jobs: list[uuid.UUID] = []

    def publish(job_id: uuid.UUID, queue: str) -> bool:
        assert queue == "default"
        jobs.append(job_id)
        return True

    monkeypatch.setattr("curation.services.job_messages._publish", publish)
    return jobs
