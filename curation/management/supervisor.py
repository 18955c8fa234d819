"""Keeping child processes alive: start them, restart the dead with growing pauses, stop them in order.

`serve` needs no process manager of the machine for an installation in one place; a larger one runs its
web and worker processes under its own (see `docker/`).
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import FrameType

MAX_PAUSE_S = 30.0
STEADY_S = 60.0  # a child that lived this long starts anew without a pause
POLL_S = 0.2
PR_SET_PDEATHSIG = 1


@dataclass
class Child:
    """One child process and how it is stopped.

    Attributes
    ----------
    name : str
        For people.
    command : sequence of str
        Program and arguments.
    stop_signals : sequence of (int, float)
        Signals to send in turn, with the seconds to wait after each; SIGKILL to the whole group comes last.
    """

    name: str
    command: Sequence[str]
    stop_signals: Sequence[tuple[int, float]]
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    started_at: float = field(default=0.0, init=False)
    start_at: float = field(default=0.0, init=False)
    pause_s: float = field(default=1.0, init=False)

    def start(self) -> None:
        """Start it in a process group of its own, so that the terminal's Ctrl-C reaches the parent alone."""
        self.process = subprocess.Popen(  # noqa: S603 -- the command is ours
            list(self.command),
            start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 -- the parent has one thread
        )
        self.started_at = time.monotonic()

    def signal_group(self, number: int) -> None:
        """Send a signal to the child and its own children, as far as they are left."""
        if self.process:
            try:
                os.killpg(self.process.pid, number)
            except ProcessLookupError:
                return


def die_with_parent() -> None:
    """Ask the kernel for SIGTERM when the parent is killed, so that no port stays taken."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Supervisor:
    """Runs children until SIGINT or SIGTERM.

    Parameters
    ----------
    children : sequence of Child
        Started in this order, stopped all at once.
    report : callable
        Takes one line for people.
    """

    def __init__(self, children: Sequence[Child], report: Callable[[str], None]) -> None:
        self._children = children
        self._report = report
        self._stopping = False

    def run(self, *, ready: Callable[[], bool], when_ready: Callable[[], None]) -> None:
        """Start the children and keep them alive until a signal comes.

        Parameters
        ----------
        ready : callable
            Asked until it says yes.
        when_ready : callable
            Called once then.
        """
        previous = {number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        announced = False
        try:
            for child in self._children:
                child.start()
            while not self._stopping:
                if not announced and ready():
                    announced = True
                    when_ready()
                for child in self._children:
                    self._look_after(child)
                time.sleep(POLL_S)
        finally:
            self._report("Stopping …")
            self._stop_all()
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 -- the signature is Python's
        self._stopping = True

    def _look_after(self, child: Child) -> None:
        now = time.monotonic()
        if child.process is None:
            if now >= child.start_at:
                child.start()
            return
        code = child.process.poll()
        if code is None:
            return
        child.signal_group(signal.SIGKILL)  # what it left behind
        child.process = None
        child.pause_s = 1.0 if now - child.started_at > STEADY_S else min(child.pause_s * 2, MAX_PAUSE_S)
        child.start_at = now + child.pause_s
        self._report(f"The {child.name} process ended with {code}; it starts again in {child.pause_s:.0f} s.")

    def _stop_all(self) -> None:
        for stage in range(max((len(child.stop_signals) for child in self._children), default=0)):
            waits = [self._ask(child, stage) for child in self._children]
            self._wait(max(waits, default=0.0))
        for child in self._children:
            child.signal_group(signal.SIGKILL)
            if child.process:
                child.process.wait()

    def _ask(self, child: Child, stage: int) -> float:
        """Send the stage's signal to a child that still runs; return the seconds to wait for it."""
        if child.process is None or child.process.poll() is not None or stage >= len(child.stop_signals):
            return 0.0
        number, wait_s = child.stop_signals[stage]
        child.process.send_signal(number)
        return wait_s

    def _wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if all(child.process is None or child.process.poll() is not None for child in self._children):
                return
            time.sleep(0.05)
