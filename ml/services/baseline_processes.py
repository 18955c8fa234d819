"""The processes of a baseline's training, where torchrun started several.

The first does all that one process does, the others share the training and are silent. An error ends the process that
has it with a message that names its rank. Those that wait for it lose the connection and end as well, and torchrun
ends whatever is left.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ml.services.baseline import chosen_device, take_part
from ml.training import parallel


class SharedTrainingError(ValueError):
    """One of several processes cannot go on."""


@contextmanager
def joined(device: str) -> Iterator[bool]:
    """Join the other processes of a training for the time of a block, and share it where this is not the first.

    Parameters
    ----------
    device : {"auto", "cpu", "cuda"}
        Where to train; on CUDA each process has a device of its own.

    Yields
    ------
    bool
        Whether the block is to do the work of the first, or of a lone process.

    Raises
    ------
    ValueError
        If the device or the places of the processes cannot be.
    SharedTrainingError
        If one of several processes fails, in each of them.
    """
    info = parallel.launch_info()
    if info.world_size == 1:
        yield True
        return
    try:
        with parallel.process_group(info, accelerated=chosen_device(device) == "cuda"):
            if info.rank:
                take_part()
            yield info.rank == 0
    except (ArithmeticError, RuntimeError, ValueError) as error:
        told = [str(error).partition("\n")[0].rstrip("."), *getattr(error, "__notes__", [])]
        message = f"Rank {info.rank} of {info.world_size} ends: {'. '.join(told).rstrip('.')}."
        if isinstance(error, RuntimeError):
            message += " If another rank ended before, its message says why."
        raise SharedTrainingError(message) from error


def end_if_shared() -> None:
    """End this process as done, if it is one of several, without what the interpreter does at its end.

    A thread of torch that asks for the interpreter while that ends aborts the process, now and then, and torchrun would
    end the others for it. All files are closed by then.
    """
    if parallel.launch_info().world_size > 1:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
