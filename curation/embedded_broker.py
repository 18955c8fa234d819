"""The embedded broker: kombu's filesystem transport, made safe for readers beside writers.

kombu opens a message's file under its final name and then writes it. A worker that looks in between reads
half a message and ends with an error. Here a message appears whole, and one that a crash has torn is
dropped: it was a hint, and the sweeper sends it again.

The same holds for the table of an exchange, which names its queues: kombu creates it empty, so that whoever
sends meanwhile fails, and two processes that start together overwrite each other's queue. Here it is replaced
whole, by one process at a time.
"""

from __future__ import annotations

import fcntl
import threading
import time
import uuid
from pathlib import Path
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.transport.filesystem import exchange_queue_t
from kombu.utils.json import dumps, loads

# kombu notes a queue as bound, for all threads, before it is: one that sent at that moment found no table.
_BINDING = threading.Lock()


class Channel(filesystem.Channel):
    """Messages as files that are there whole or not at all; their folders are made when they are needed."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        for folder in (self.data_folder_in, self.data_folder_out):
            Path(folder).mkdir(parents=True, exist_ok=True)

    # kombu's own transport renames its parent's argument, so that no name suits both.
    def _put(self, queue: str, payload: dict[str, Any], **_: Any) -> None:  # type: ignore[override]
        """Write the message under another name, then give it the one that readers look for."""
        folder = Path(self.data_folder_out)
        name = f"{time.time_ns():020d}_{uuid.uuid4()}"
        unfinished = folder / f"{name}.unfinished"
        unfinished.write_text(dumps(payload), encoding="utf-8")
        unfinished.replace(folder / f"{name}.{queue}.msg")

    def _get(self, queue: str, timeout: float | None = None) -> Any:  # noqa: ARG002 -- the signature is kombu's
        """Take the oldest message that can be read."""
        while True:
            try:
                return super()._get(queue)
            except ValueError:
                continue

    def get_table(self, exchange: str) -> list[exchange_queue_t]:  # type: ignore[override]  # the stubs contradict themselves
        """Return the queues of an exchange; none if it is new, or its table was torn by a crash."""
        try:
            return [exchange_queue_t(*row) for row in loads(self._table_file(exchange).read_text(encoding="utf-8"))]
        except (FileNotFoundError, ValueError):
            return []

    def _table_file(self, exchange: str) -> Path:
        file: Path = self._exchange_file(exchange)  # type: ignore[attr-defined]  # the stubs lack it
        return file

    def queue_bind(self, *arguments: Any, **named: Any) -> None:
        """Bind a queue, one thread at a time."""
        with _BINDING:
            super().queue_bind(*arguments, **named)

    def _queue_bind(self, exchange: str, routing_key: str | None, pattern: str | None, queue: str | None) -> None:
        """Add a queue to an exchange."""
        self._change_table(exchange, exchange_queue_t(routing_key or "", pattern or "", queue or ""), bound=True)

    def _delete(
        self, queue: str, exchange: str, routing_key: str | None, pattern: str | None, *_: Any, **__: Any
    ) -> None:
        """Remove a queue with its messages."""
        self._purge(queue)
        self._change_table(exchange, exchange_queue_t(routing_key or "", pattern or "", queue or ""), bound=False)

    def _change_table(self, exchange: str, row: exchange_queue_t, *, bound: bool) -> None:
        file = self._table_file(exchange)
        self.control_folder.mkdir(parents=True, exist_ok=True)
        with file.with_suffix(".lock").open("w") as guard:
            fcntl.flock(guard, fcntl.LOCK_EX)  # given up with the file
            table = self.get_table(exchange)
            if (row in table) == bound:
                return
            table = [row, *table] if bound else [other for other in table if other != row]
            unfinished = file.with_suffix(".unfinished")
            unfinished.write_text(dumps(table), encoding="utf-8")
            unfinished.replace(file)


class Transport(filesystem.Transport):
    """What ``filesystem://`` means in this application."""

    Channel = Channel


def install() -> None:
    """Make ``BROKER_URL=filesystem://`` use it."""
    TRANSPORT_ALIASES["filesystem"] = f"{__name__}:Transport"
