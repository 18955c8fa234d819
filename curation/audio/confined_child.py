"""One child process that answers requests, and is replaced when it dies, hangs or talks nonsense.

It is a fresh interpreter, not a fork: it inherits no open database connection, no secret of the environment
and no descriptor but its end of a socket. Requests and answers are small JSON messages; open files travel
beside them as descriptors.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

REQUESTS_PER_CHILD = 2_000  # what a library leaks does not add up for ever
START_S = 60.0  # a cold disk under a busy machine; a warm start takes 0.2 s
MESSAGE_BYTES = 4096


class ChildStartError(RuntimeError):
    """The child process does not come up: a fault of this machine, not of a recording."""


class ChildDiedError(RuntimeError):
    """The child process ended, or did not answer in its language, while it had work.

    Attributes
    ----------
    status : int or None
        Its exit status, negative for a signal; None if it had to be killed.
    """

    def __init__(self, status: int | None) -> None:
        how = "answered nonsense" if status in (None, 0) else f"ended with status {status}"
        super().__init__(f"The decoder's process {how}.")
        self.status = status


class ConfinedChild:
    """A child process that is started when it is first asked something.

    Parameters
    ----------
    program : Path
        A Python file that takes the number of its socket as its argument and sends a message when ready.
    """

    def __init__(self, program: Path) -> None:
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._requests_left = 0

    @property
    def process_id(self) -> int | None:
        """The running child's process id."""
        return self._process.pid if self._process is not None else None

    def ask(self, request: dict[str, Any], descriptors: list[int], *, timeout_s: float) -> dict[str, Any]:
        """Send a request and wait for its answer; a failure costs the child its life.

        Parameters
        ----------
        request : dict
            JSON values.
        descriptors : list of int
            Open files that the child gets to see.
        timeout_s : float
            Wall-clock seconds to wait.

        Returns
        -------
        dict
            The answer.

        Raises
        ------
        TimeoutError
            If none came in time.
        ChildDiedError
            If the child ended or answered nonsense.
        ChildStartError
            If no child can be started.
        """
        channel = self._send(json.dumps(request).encode(), descriptors)
        channel.settimeout(timeout_s)
        try:
            answer = json.loads(channel.recv(MESSAGE_BYTES))
        except TimeoutError:
            self.close()
            raise
        except (OSError, ValueError) as error:
            raise ChildDiedError(self._status_at_end()) from error
        except BaseException:  # an interrupt: the answer would be taken for that to the next request
            self.close()
            raise
        if not isinstance(answer, dict):
            raise ChildDiedError(self._status_at_end())
        return answer

    def close(self) -> None:
        """End the child process; the next request starts another."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _send(self, message: bytes, descriptors: list[int]) -> socket.socket:
        for _ in range(2):  # a child that died between two requests is no fault of the second
            channel = self._ready_channel()
            try:
                socket.send_fds(channel, [message], descriptors)
            except OSError:
                self.close()
            else:
                self._requests_left -= 1
                return channel
        raise ChildStartError("The decoder's process ends as soon as it has started; see its messages on stderr.")

    def _status_at_end(self) -> int | None:
        """Return how the child ended, giving it a second to do so; kill it if it did not."""
        status = None
        if self._process is not None and self._channel is not None:
            self._channel.close()
            try:
                status = self._process.wait(timeout=1)
            except subprocess.TimeoutExpired:
                status = None
        self.close()
        return status

    def _ready_channel(self) -> socket.socket:
        if self._channel is not None and self._requests_left > 0:
            return self._channel
        self.close()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._channel = ours
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 -- this interpreter with a program of this project
                [sys.executable, "-I", str(self._program), str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=_environment(),
                cwd="/",
            )
        ours.settimeout(START_S)
        try:
            hello = ours.recv(MESSAGE_BYTES)
        except OSError:
            hello = b""
        if not hello:
            self.close()
            raise ChildStartError("The decoder's process does not start; see its messages on stderr.")
        self._requests_left = REQUESTS_PER_CHILD
        return ours


def _environment() -> dict[str, str]:
    """Return the little that the interpreter needs: no secret and no address of a database."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    return {"LANG": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", **kept}
