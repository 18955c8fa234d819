"""Memory that the decoder's child fills and the parent reads, used again when nobody holds the samples in it.

Fresh pages cost more than decoding a WAV file into them; a minute of samples needs 1,300. A piece of memory goes
back to its pool when the last array in it has gone: every view of an array keeps that array alive.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import weakref
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SAMPLE_BYTES = 2
KEPT_BYTES = 64 << 20  # a piece larger than twelve minutes at 44.1 kHz is given back to the system
KEPT_PIECES = 2
STEP_BYTES = 1 << 20  # sizes are rounded up, so that recordings of about a minute share a piece


@dataclass(frozen=True, eq=False)
class SampleMemory:
    """A mapped piece of memory with a descriptor that another process can map too."""

    descriptor: int
    view: mmap.mmap

    @classmethod
    def of_size(cls, size: int) -> SampleMemory:
        """Make a piece, sealed so that a captured child cannot shrink it under the parent's feet."""
        size = -(-size // STEP_BYTES) * STEP_BYTES
        descriptor = os.memfd_create("samples", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(descriptor, size)
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
        memory = cls(descriptor, mmap.mmap(descriptor, size))
        weakref.finalize(memory, os.close, descriptor)
        return memory


class SampleMemoryPool:
    """Pieces of memory that nobody uses at the moment."""

    def __init__(self) -> None:
        self._spare: list[SampleMemory] = []

    def take(self, frames: int) -> SampleMemory:
        """Return a piece for at least `frames` samples; its content is whatever was there."""
        for memory in self._spare:
            if len(memory.view) >= SAMPLE_BYTES * frames:
                self._spare.remove(memory)
                return memory
        return SampleMemory.of_size(SAMPLE_BYTES * frames)

    def samples(self, memory: SampleMemory, frames: int) -> NDArray[np.int16]:
        """Return the first `frames` samples of a piece; it comes back when the array and its views have gone."""
        samples = np.frombuffer(memory.view, dtype=np.int16, count=frames)
        weakref.finalize(samples, self.give_back, memory)
        return samples

    def give_back(self, memory: SampleMemory) -> None:
        """Keep a piece for the next recording, unless it is large or there are enough."""
        if len(memory.view) <= KEPT_BYTES and len(self._spare) < KEPT_PIECES:
            self._spare.append(memory)
