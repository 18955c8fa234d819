"""The kinds of background work of label verification.

The web process knows their names and never runs them. What runs them imports torch, which only workers have: each
function imports it when it is called.
"""

from __future__ import annotations

import os
from types import ModuleType
from typing import Any

from curation.registry import JobKind
from curation.services.jobs import JobContext, JobFailedError
from ml.selectors.runs import FEATURES, JOIN, STEP

QUEUE = "gpu"


def run_features(context: JobContext) -> dict[str, Any]:
    """Prepare a run; see `ml.services.dataset_run.prepare`."""
    result: dict[str, Any] = _engine().prepare(context)
    return result


def run_step(context: JobContext) -> dict[str, Any]:
    """Do a step; see `ml.services.dataset_run.do_step`."""
    result: dict[str, Any] = _engine().do_step(context)
    return result


def run_join(context: JobContext) -> dict[str, Any]:
    """Join an iteration; see `ml.services.dataset_run.join`."""
    result: dict[str, Any] = _engine().join(context)
    return result


def _engine() -> ModuleType:
    # Before torch is imported: its threads wait in loops for work that small networks do not give them.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        from ml.services import dataset_run  # noqa: PLC0415 -- imports torch, which the web process does not have
    except ModuleNotFoundError as error:
        message = (
            f"{error.name} is not installed on this worker. Run `make worker-setup` there, or let workers without it "
            f"serve other queues than {QUEUE}; then resume the run."
        )
        raise JobFailedError(message) from error
    return dataset_run


KINDS = (
    JobKind(name=FEATURES, order=700, queue=QUEUE, run=run_features),
    JobKind(name=STEP, order=710, queue=QUEUE, run=run_step),
    JobKind(name=JOIN, order=720, queue=QUEUE, run=run_join),
)
