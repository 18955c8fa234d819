"""The machine that a benchmark runs on: waiting for it, timing it, and what its matrix units can do at most."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Literal

import torch

ROUNDS = 5
WARM_UP = {"cuda": 4, "cpu": 2}  # calls; a GPU's libraries are loaded by the first and try algorithms in the next
SIDE = {"cuda": 8192, "cpu": 2048}  # of the matrices whose product is the peak


@dataclass(frozen=True)
class Machine:
    """A device and how networks compute on it.

    Attributes
    ----------
    device : torch.device
        Where they compute.
    precision : {"bf16", "fp32"}
        In which arithmetic.
    budget_s : float
        Seconds that one figure may take.
    """

    device: torch.device
    precision: Literal["bf16", "fp32"]
    budget_s: float

    @property
    def accelerated(self) -> bool:
        """Whether it is a GPU."""
        return self.device.type == "cuda"

    @property
    def dtype(self) -> torch.dtype:
        """Type of the arithmetic."""
        return torch.bfloat16 if self.precision == "bf16" else torch.float32

    def __str__(self) -> str:
        if self.accelerated:
            return f"{torch.cuda.get_device_name(self.device)}, {self.precision}"
        return f"{torch.get_num_threads()} threads on {len(os.sched_getaffinity(0))} processor cores, {self.precision}"

    def wait(self) -> None:
        """Wait until the device has done what it was given."""
        if self.accelerated:
            torch.cuda.synchronize(self.device)

    def rounds(self, work: Callable[[], object]) -> list[float]:
        """Time a piece of work.

        Parameters
        ----------
        work : callable
            What is timed; it may return before a GPU is done.

        Returns
        -------
        list of float
            Seconds of one call, by round; a round has as many calls as fit its share of the budget. Calls before
            that, which choose algorithms and fill caches, do not count, unless a processor spends the budget on one.
        """
        for _ in range(WARM_UP[self.device.type]):
            once = self._timed(work, 1)
            if once > self.budget_s and not self.accelerated:
                return [once]
        calls = max(1, int(self.budget_s / ROUNDS / once))
        return [self._timed(work, calls) for _ in range(ROUNDS if ROUNDS * once < self.budget_s else 1)]

    def seconds(self, work: Callable[[], object]) -> float:
        """Return the median seconds of one call."""
        return statistics.median(self.rounds(work))

    def peak(self, dtype: torch.dtype) -> float:
        """Measure floating-point operations per second in the product of two large square matrices."""
        side = SIDE[self.device.type]
        generator = torch.Generator(self.device).manual_seed(0)
        left, right = (torch.randn(side, side, device=self.device, generator=generator).to(dtype) for _ in range(2))
        product = torch.empty_like(left)
        return 2 * side**3 / min(self.rounds(lambda: torch.mm(left, right, out=product)))

    def _timed(self, work: Callable[[], object], calls: int) -> float:
        self.wait()
        start = perf_counter()
        for _ in range(calls):
            work()
        self.wait()
        return (perf_counter() - start) / calls
