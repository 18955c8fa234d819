"""Serve pages and run jobs from one terminal."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from curation.env import PROJECT_DIR
from curation.management.supervisor import Child, Supervisor

# Two web processes and two workers: more than four writers starve each other on SQLite.
WEB_PROCESSES = 2
WEB_THREADS = 4
NEEDS_TORCH = "Label verification needs `make worker-setup`."


class Command(BaseCommand):
    help = (
        "Serve the application with background workers until Ctrl-C. Where PyTorch is installed, a worker of its own "
        "does label verification, so that its long jobs hold up no other."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
        parser.add_argument("--port", type=int, default=8000, help="port to listen on (8000)")
        parser.add_argument("--workers", type=int, default=1, metavar="N", help="jobs at the same time (1)")
        parser.add_argument(
            "--gpu-workers",
            type=int,
            default=1,
            metavar="N",
            help="jobs of label verification at the same time (1); each takes a processor core, or shares the "
            "accelerator; 0 for none",
        )

    def handle(self, *, host: str, port: int, workers: int, gpu_workers: int, **_: Any) -> None:
        _check_free(host, port)
        root = settings.STATIC_ROOT
        if not root.is_dir() or not any(root.iterdir()):  # else every page comes without style
            call_command("collectstatic", interactive=False, verbosity=0)
        web = Child("web", _web_command(host, port), [(signal.SIGTERM, 10.0)])
        shown = "localhost" if host in {"0.0.0.0", "::"} else host  # noqa: S104 -- compared, not bound
        Supervisor([web, *worker_children(workers, gpu_workers, self._say)], self._say).run(
            ready=lambda: _answers(host, port),
            when_ready=lambda: self._say(f"Earmark is at http://{shown}:{port} (Ctrl-C stops it)"),
        )
        self._say("Stopped.")

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def worker_children(workers: int, gpu_workers: int, say: Callable[[str], None]) -> list[Child]:
    """Return the workers of one machine: one for all work, and one for label verification where PyTorch is installed.

    One worker for both would have pages wait for exports and segments while its processes train for hours.

    Parameters
    ----------
    workers, gpu_workers : int
        Jobs at the same time, of the queue `default` and of the queue `gpu`; 0 of the latter leaves it out.
    say : callable
        Told once that there is no PyTorch.
    """
    children = [_worker("worker", "default", max(workers, 1))]
    if gpu_workers < 1:
        return children
    if find_spec("torch") is None:  # found, not imported: this process needs none of it
        say(NEEDS_TORCH)
        return children
    return [*children, _worker("verification worker", "gpu", gpu_workers)]


def _worker(name: str, queue: str, concurrency: int) -> Child:
    return Child(
        name,
        [
            *(sys.executable, str(PROJECT_DIR / "manage.py"), "worker"),
            *(f"--queues={queue}", f"--concurrency={concurrency}"),
        ],
        # First the job at hand may finish; then it is interrupted and goes back to the queue.
        [(signal.SIGTERM, 5.0), (signal.SIGQUIT, 5.0)],
    )


def _web_command(host: str, port: int) -> list[str]:
    return [
        *(sys.executable, "-m", "gunicorn", "curation.wsgi"),
        *("--chdir", str(PROJECT_DIR)),
        *("--bind", f"[{host}]:{port}" if ":" in host else f"{host}:{port}"),
        *("--workers", str(WEB_PROCESSES)),
        *("--threads", str(WEB_THREADS)),
        *("--timeout", "120"),
        *("--log-level", "warning"),
        "--no-control-socket",  # it would lie in the home directory
    ]


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _check_free(host: str, port: int) -> None:
    with socket.socket(_family(host), socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            message = (
                f"Port {port} of {host} cannot be used: {reason}. Stop what listens there, or choose another "
                "with `make run PORT=…` or `manage.py serve --port …`."
            )
            raise CommandError(message, returncode=2) from error


def _answers(host: str, port: int) -> bool:
    with socket.socket(_family(host), socket.SOCK_STREAM) as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((host, port)) == 0
