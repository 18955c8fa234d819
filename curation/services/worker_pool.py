"""Decoding, measuring and copying on several cores.

Audio work runs outside database transactions. With one worker it runs here; with more, in processes that are
started afresh (not forked: they inherit no open database connection and no lock). Each keeps one sandboxed
decoder for all of its files. This module is imported by a fresh process before Django is set up, so it imports no
rows itself.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from types import TracebackType
from typing import Any, Self, TypeVar

import django
from django.conf import settings

from curation.audio.decoder import Decoder

Request = TypeVar("Request")
Result = TypeVar("Result")

_decoder: Decoder | None = None  # of a worker process


def usable_cores() -> int:
    """Return the number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0))


class AudioWorkers:
    """Runs functions of audio files; a context manager.

    Parameters
    ----------
    workers : int
        1 to work in this process, more to work in as many processes.
    """

    def __init__(self, workers: int) -> None:
        if workers < 1:
            message = f"{workers} workers: at least 1 must work."
            raise ValueError(message)
        self._decoder: Decoder | None = None
        self._pool: ProcessPoolExecutor | None = None
        if workers == 1:
            self._decoder = Decoder()
        else:
            self._pool = ProcessPoolExecutor(
                workers,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_start_process,
                initargs=(settings.STORAGES,),
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._decoder is not None:
            self._decoder.close()
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def map(self, function: Callable[[Decoder, Request], Result], requests: Iterable[Request]) -> Iterator[Result]:
        """Apply a function to each request, in order.

        Parameters
        ----------
        function : callable
            A function of a module, given a decoder and a request; both request and result can be pickled.
        requests : iterable
            What is to be done.

        Yields
        ------
        object
            The results, in the order of the requests.

        Raises
        ------
        concurrent.futures.process.BrokenProcessPool
            If a worker process was killed from outside.
        """
        if self._decoder is not None:
            for request in requests:
                yield function(self._decoder, request)
            return
        if self._pool is None:  # one of the two is always there
            raise AssertionError
        yield from self._pool.map(_call, ((function, request) for request in requests))


def _start_process(storages: dict[str, Any]) -> None:
    """Set Django up with the storages of the process that asks, and start with a decoder of one's own."""
    global _decoder  # noqa: PLW0603 -- an initializer has no other way to hand something to the calls
    threading.Thread(target=_end_with_parent, daemon=True).start()
    django.setup()
    settings.STORAGES = storages
    _decoder = Decoder()


def _end_with_parent() -> None:
    """Leave no worker behind when the process that asks is killed: the pool itself would wait for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _call(task: tuple[Callable[[Decoder, Any], Result], Any]) -> Result:
    function, request = task
    if _decoder is None:  # the initializer ran before
        raise AssertionError
    return function(_decoder, request)
