"""The kinds of background work of label verification.

The web process knows their names and never runs them. What runs them imports torch, which only workers have: each
function imports it when it is called.
"""

from __future__ import annotations

import os
from importlib import import_module
from types import ModuleType
from typing import Any

from curation.registry import JobKind
from curation.services.jobs import JobContext, JobFailedError
from ml.selectors.acceptances import ACCEPT
from ml.selectors.estimates import ESTIMATE
from ml.selectors.runs import FEATURES, JOIN, STEP
from ml.services.bulk_acceptance import run_bulk
from ml.services.review_order import ORDER, run_order

QUEUE = "gpu"


def run_features(context: JobContext) -> dict[str, Any]:
    """Prepare a run; see `ml.services.dataset_run.prepare`."""
    result: dict[str, Any] = _engine("dataset_run").prepare(context)
    return result


def run_step(context: JobContext) -> dict[str, Any]:
    """Do a step; see `ml.services.dataset_run.do_step`."""
    result: dict[str, Any] = _engine("dataset_run").do_step(context)
    return result


def run_join(context: JobContext) -> dict[str, Any]:
    """Join an iteration; see `ml.services.dataset_run.join`."""
    result: dict[str, Any] = _engine("dataset_run").join(context)
    return result


def run_estimate(context: JobContext) -> dict[str, Any]:
    """Estimate the cost of runs; see `ml.services.run_cost.estimate`."""
    result: dict[str, Any] = _engine("run_cost").estimate(context)
    return result


def _engine(name: str) -> ModuleType:
    # Before torch is imported: its threads wait in loops for work that small networks do not give them.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        return import_module(f"ml.services.{name}")  # imports torch, which the web process does not have
    except ModuleNotFoundError as error:
        message = (
            f"{error.name} is not installed on this worker. Run `make worker-setup` there, or let workers without it "
            f"serve other queues than {QUEUE}; then resume the run."
        )
        raise JobFailedError(message) from error


KINDS = (
    JobKind(name=FEATURES, order=700, queue=QUEUE, run=run_features),
    JobKind(name=STEP, order=710, queue=QUEUE, run=run_step),
    JobKind(name=JOIN, order=720, queue=QUEUE, run=run_join),
    JobKind(name=ESTIMATE, order=730, queue=QUEUE, run=run_estimate),
    JobKind(name=ORDER, order=735, run=run_order, can_be_stopped=False),
    JobKind(name=ACCEPT, order=740, run=run_bulk),
)
