"""Training on all GPUs of a host: one process for each, started by torchrun.

Each process computes its rows of every batch, gradients are averaged, and all make the same step. The loop scales its
loss so that the average is the gradient of the whole batch, however the rows are divided; the result is that of one
process up to rounding, for networks without batch normalisation (whose statistics are those of a process's own rows)
and without dropout (drawn apart).

``torchrun --nproc-per-node=8 …`` tells each process its place in environment variables, which `launch_info` reads. The
loop itself asks torch whether a group exists: with none, all functions here do nothing.

What one process alone should do, such as decoding, the first does and tells the others (`told_by_first`), which wait
for as long as it takes. A process that ends with an error breaks the connections of the others, and torchrun ends them.

References
----------
.. [1] S. Li et al., "PyTorch Distributed: Experiences on accelerating data parallel training", VLDB 2020.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

Value = TypeVar("Value")

LONGEST_WAIT = timedelta(days=7)  # for what one process does alone; if it dies, the others hear of it at once


@dataclass(frozen=True, kw_only=True)
class LaunchInfo:
    """Place of a process among those of a training.

    Attributes
    ----------
    rank, local_rank : int
        Number of the process among all and on its host, from 0.
    world_size : int
        Number of processes.
    one_host : bool
        Whether all of them are known to be on this host.
    """

    rank: int = 0
    local_rank: int = 0
    world_size: int = 1
    one_host: bool = False


def launch_info(environment: Mapping[str, str] | None = None) -> LaunchInfo:
    """Read what torchrun says about this process.

    Parameters
    ----------
    environment : mapping of str to str, optional
        Environment variables. Default: those of the process.

    Returns
    -------
    LaunchInfo
        The place; that of a lone process where torchrun did not start it.

    Raises
    ------
    ValueError
        If the variables contradict each other.
    """
    found = os.environ if environment is None else environment
    rank, local_rank, world_size = (int(found.get(*item)) for item in _VARIABLES)
    if not 0 <= rank < world_size or not 0 <= local_rank <= rank:
        message = (
            f"RANK = {rank}, LOCAL_RANK = {local_rank}, WORLD_SIZE = {world_size}: expected a rank below the size."
        )
        raise ValueError(message)
    one_host = found.get("LOCAL_WORLD_SIZE") == str(world_size)
    return LaunchInfo(rank=rank, local_rank=local_rank, world_size=world_size, one_host=one_host)


_VARIABLES = (("RANK", "0"), ("LOCAL_RANK", "0"), ("WORLD_SIZE", "1"))


@contextmanager
def process_group(
    info: LaunchInfo, *, accelerated: bool, timeout: timedelta = timedelta(minutes=30)
) -> Iterator[torch.device]:
    """Join the processes of a training for the time of a block.

    Parameters
    ----------
    info : LaunchInfo
        Place of this process.
    accelerated : bool
        Whether to train on GPUs (through nccl) or on the CPU (through gloo).
    timeout : timedelta
        How long to wait for the others, at the beginning and in every step, before giving up.

    Yields
    ------
    torch.device
        The device of this process.

    Raises
    ------
    ValueError
        If there are more processes than GPUs.
    """
    if info.world_size == 1:
        yield torch.device("cuda", info.local_rank) if accelerated else torch.device("cpu")
        return
    if info.one_host and sys.platform == "linux":
        # The host's own name may lead nowhere. Processes with GPUs meet through gloo too (`told_by_first`).
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    device = torch.device("cpu")
    if accelerated:
        if info.local_rank >= torch.cuda.device_count():
            message = (
                f"LOCAL_RANK = {info.local_rank}, but this host has {torch.cuda.device_count()} devices: "
                "start at most one process for each."
            )
            raise ValueError(message)
        device = torch.device("cuda", info.local_rank)
        torch.cuda.set_device(device)
    distributed.init_process_group(
        "nccl" if accelerated else "gloo", rank=info.rank, world_size=info.world_size, timeout=timeout
    )
    try:
        yield device
    except BaseException:
        if not accelerated:  # nccl would wait for the others before it lets go; they are ended with this process
            distributed.destroy_process_group()
        raise
    distributed.destroy_process_group()


def rank_and_size() -> tuple[int, int]:
    """Return the rank of this process and the number of processes; (0, 1) without a group."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def told_by_first(work: Callable[[], Value]) -> Value:
    """Let the first process do something while the others wait, and give all of them what came of it.

    Parameters
    ----------
    work : callable
        Called in the first process only, or without a group; what it returns can be pickled.

    Returns
    -------
    Any
        What it returned.
    """
    rank, ranks = rank_and_size()
    if ranks == 1:
        return work()
    # A group of its own: the patience of the others is meant for single steps. It is made first, while all are at hand.
    group = distributed.new_group(backend="gloo", timeout=LONGEST_WAIT)
    try:
        told = [work() if rank == 0 else None]
        distributed.broadcast_object_list(told, 0, group=group)
    finally:
        distributed.destroy_process_group(group)
    (value,) = told
    return value  # type: ignore[return-value]  # what the first put there


def wrapped(network: nn.Module, device: torch.device) -> nn.Module:
    """Let backward passes average gradients over the processes; without a group the network itself."""
    if rank_and_size()[1] == 1:
        return network
    return DistributedDataParallel(network, device_ids=[device.index] if device.type == "cuda" else None)


def summed(value: Tensor) -> Tensor:
    """Add a tensor of each process, in place; all get the same sum."""
    if rank_and_size()[1] > 1:
        distributed.all_reduce(value, op=distributed.ReduceOp.SUM)
    return value


def largest(value: Tensor) -> Tensor:
    """Find the largest among tensors of all processes, in place."""
    if rank_and_size()[1] > 1:
        distributed.all_reduce(value, op=distributed.ReduceOp.MAX)
    return value


def share_buffers(network: nn.Module) -> None:
    """Give all processes the running statistics of the first, which is the one that stores them."""
    if rank_and_size()[1] > 1:
        for buffer in network.buffers():
            distributed.broadcast(buffer, 0)
