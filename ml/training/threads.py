"""One thread, on a processor.

Small networks gain nothing from a second thread, and sums that several threads share come out differently in their
last bits. What is computed in one thread is the same on any number of cores, in a pool of processes or without one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def in_one_thread(device: torch.device | str = "cpu") -> Iterator[None]:
    """Let a block compute in one thread, unless its device is an accelerator; give the number of before back."""
    before = torch.get_num_threads()
    if torch.device(device).type == "cpu":
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
