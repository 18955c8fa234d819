"""The device of a run, and what becomes of a job whose device is lost.

After some errors (the device fell off the bus, an illegal access) every further call of the process fails, while
another process may still work. The job is therefore put back and its process ended; a fresh one takes its place and
goes on from the last epoch. A device that is gone for good must not end processes for ever: the losses are counted in
the job's checkpoint, and the job fails with the last.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import torch

from curation.services.jobs import JobContext, JobFailedError
from ml.networks.lost_device import is_lost

MOST_LOSSES = 3
LOSSES = "accelerator_lost"


def device_for(asked: str) -> str:
    """Return the device that a run is computed on here.

    Parameters
    ----------
    asked : str
        A value of `ml.models.RunDevice`.

    Raises
    ------
    RuntimeError
        If there is no such device; another worker may have one, so that the job is tried again.
    """
    if asked == "cpu":
        return "cpu"
    if torch.cuda.is_available():
        return "cuda"
    if asked == "cuda":
        raise RuntimeError("This worker has no accelerator that PyTorch can use, and the run asks for one.")
    return "cpu"


@contextmanager
def surviving(device: str, context: JobContext) -> Iterator[None]:
    """Put the job back if an error of a block shows that the device is lost (see `give_up`)."""
    try:
        yield
    except RuntimeError as error:
        if is_lost(device):
            give_up(context, error)
        raise


def give_up(context: JobContext, error: RuntimeError) -> NoReturn:
    """End this process, so that a fresh one goes on with the job.

    Raises
    ------
    SystemExit
        Which puts the job back.
    JobFailedError
        If the device was lost too often.
    """
    losses = context.job.checkpoint.get(LOSSES, 0) + 1
    if losses >= MOST_LOSSES:
        first = str(error).partition("\n")[0].rstrip(".")
        message = (
            f"The accelerator stopped answering {losses} times: {first}. Look after the machine, then resume the run; "
            "what is done stays."
        )
        raise JobFailedError(message) from error
    context.checkpoint({**context.job.checkpoint, LOSSES: losses})
    raise SystemExit(1) from error
