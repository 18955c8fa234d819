"""Running all steps of a run on this machine.

On a processor a small network trains fastest in one thread, so that there are as many processes as cores and each
does one step; an accelerator takes the steps one after the other. The result does not depend on which process did
what. A process ends by itself when the one that started it is gone, and a step is locked while somebody works at it,
so that a run that was killed can be started again at once.

Processes tell of their epochs through one pipe without a lock, as messages below 4096 bytes go through it whole: a lock
would stay closed for ever if its holder were killed.
"""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from ml.recipes.candidates import CandidateSet
from ml.recipes.catalogue import RECIPES
from ml.recipes.clip_frames import FrameSource
from ml.recipes.plan import Plan, Step
from ml.recipes.run import VerificationRun

Told = Callable[[Step, int, float], None]  # step, epoch, loss


@dataclass(frozen=True, eq=False, kw_only=True)
class LocalRun:
    """What a process needs to take part in a run.

    Attributes
    ----------
    folder : Path
        Folder of the run.
    stores : Path
        Folder of the feature stores.
    plan : Plan
        What is run.
    candidates : CandidateSet
        The clips.
    seed : int
        Seed of everything that chance decides.
    device : str
        Where to compute.
    """

    folder: Path
    stores: Path
    plan: Plan
    candidates: CandidateSet
    seed: int
    device: str

    def open(self) -> VerificationRun:
        """Open the run in this process."""
        return VerificationRun(
            self.folder,
            recipe=RECIPES[self.plan.recipe],
            plan=self.plan,
            candidates=self.candidates,
            frames=FrameSource(self.stores, self.candidates.key_N, scratch=self.folder),
            seed=self.seed,
            device=self.device,
        )


def run_all(
    local: LocalRun, *, processes: int, on_epoch: Told, on_iteration: Callable[[dict[str, Any]], None]
) -> VerificationRun:
    """Do what is left of a run.

    Parameters
    ----------
    local : LocalRun
        The run.
    processes : int
        Steps done at the same time; 1 does them in this process.
    on_epoch : callable
        Told the step, the epoch and the loss after each epoch.
    on_iteration : callable
        Told the row of each iteration.

    Returns
    -------
    VerificationRun
        The finished run.
    """
    run = local.open()
    if processes == 1:
        while (steps := run.open_steps()) or run.iteration() < run.plan.iterations:
            for step in steps:
                _locked(run, step, on_epoch)
            _join(run, on_iteration)
        return run
    context = multiprocessing.get_context("spawn")
    others = multiprocessing.active_children()
    heard, told = context.Pipe(duplex=False)
    listener = threading.Thread(target=_listen, args=(heard, on_epoch), daemon=True)
    listener.start()
    try:
        with ProcessPoolExecutor(processes, context, _begin, (local, told)) as pool:
            while (steps := run.open_steps()) or run.iteration() < run.plan.iterations:
                waiting = [pool.submit(_do, step) for step in steps]
                try:
                    for done in as_completed(waiting):
                        done.result()
                except BaseException:
                    pool.shutdown(wait=False, cancel_futures=True)
                    for process in multiprocessing.active_children():
                        if process not in others:
                            process.terminate()  # a step may take an hour more; its checkpoint stays
                    raise
                _join(run, on_iteration)
    finally:
        told.close()  # the last end, as the processes are gone
        listener.join()
    return run


def _join(run: VerificationRun, on_iteration: Callable[[dict[str, Any]], None]) -> None:
    row = run.join()
    assert row is not None  # noqa: S101 -- all steps of the iteration are done
    on_iteration(row)


def _listen(heard: Connection, on_epoch: Told) -> None:
    with heard, suppress(EOFError):
        while True:
            on_epoch(*heard.recv())


_here: dict[str, Any] = {}  # of a process of the pool


def _begin(local: LocalRun, told: Connection) -> None:
    work_alone()
    _here["run"], _here["told"] = local.open(), told


def work_alone() -> None:
    """Begin a process of a pool: one thread, and an end when the process that started it ends or says so."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches both, and is answered there
    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _do(step: Step) -> None:
    _locked(_here["run"], step, lambda *message: _here["told"].send(message))


def _locked(run: VerificationRun, step: Step, on_epoch: Told) -> None:
    with (run.folder.step_folder(step) / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        run.do(step, on_epoch=lambda step, record: on_epoch(step, record.epoch, record.loss))
