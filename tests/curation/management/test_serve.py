"""The processes that `serve` keeps. That they do a run together is shown by `tests/ml/test_review_over_http.py`."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import pytest

from curation.management.commands import serve
from curation.management.commands.serve import NEEDS_TORCH, worker_children


def started(workers: int, gpu_workers: int) -> tuple[list[tuple[str, ...]], list[str]]:
    said: list[str] = []
    children = worker_children(workers, gpu_workers, said.append)
    return [(child.name, *child.command[3:]) for child in children], said


def test_label_verification_has_a_worker_of_its_own() -> None:
    assert started(2, 3) == (
        [
            ("worker", "--queues=default", "--concurrency=2"),
            ("verification worker", "--queues=gpu", "--concurrency=3"),
        ],
        [],
    )


def test_an_operator_may_do_without_it() -> None:
    assert started(0, 0) == ([("worker", "--queues=default", "--concurrency=1")], [])


def test_without_torch_the_remedy_is_told_and_all_else_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(name: str, *rest: Any) -> Any:
        return None if name == "torch" else find_spec(name, *rest)

    monkeypatch.setattr(serve, "find_spec", find)
    assert started(1, 1) == ([("worker", "--queues=default", "--concurrency=1")], [NEEDS_TORCH])
