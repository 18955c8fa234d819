from __future__ import annotations

import gc
import os
from collections.abc import Callable

import numpy as np
import pytest

from curation.audio.sample_memory import KEPT_BYTES, SampleMemory, SampleMemoryPool


def filled(pool: SampleMemoryPool, value: int, frames: int = 1_000) -> tuple[SampleMemory, np.ndarray]:
    memory = pool.take(frames)
    samples = pool.samples(memory, frames)
    samples[:] = value
    return memory, samples


def test_memory_is_used_again_when_its_samples_have_gone() -> None:
    pool = SampleMemoryPool()
    first, samples = filled(pool, 1)
    del samples
    gc.collect()
    assert pool.take(1_000) is first


@pytest.mark.parametrize(
    "view_of",
    [
        lambda samples: samples[10:20],
        lambda samples: samples[10:100][5:50][::2],
        lambda samples: samples.reshape(10, 100)[3],
        lambda samples: samples.view(np.uint16),
        np.asarray,
        lambda samples: memoryview(samples).cast("B"),
        lambda samples: samples.data[5:7],
        lambda samples: np.frombuffer(memoryview(samples), np.int16),
        lambda samples: iter(samples[1:]),
    ],
)
def test_memory_is_not_used_again_while_anybody_sees_it(view_of: Callable[[np.ndarray], object]) -> None:
    pool = SampleMemoryPool()
    first, samples = filled(pool, 1)
    view = view_of(samples)
    del samples
    gc.collect()
    second, _ = filled(pool, 2)
    assert second is not first
    assert pool.take(1_000) is not first
    del view
    gc.collect()


def test_too_small_a_piece_is_left_for_later() -> None:
    pool = SampleMemoryPool()
    first, samples = filled(pool, 1)
    del samples
    gc.collect()
    assert pool.take(10_000_000) is not first
    assert pool.take(10) is first


def test_large_pieces_and_their_descriptors_are_given_back_to_the_system() -> None:
    pool = SampleMemoryPool()
    memory = SampleMemory.of_size(KEPT_BYTES + 1)
    descriptor = memory.descriptor
    samples = pool.samples(memory, 10)
    del memory, samples
    gc.collect()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_memory_cannot_be_resized() -> None:
    memory = SampleMemory.of_size(1_000)
    for size in (0, 10 << 20):
        with pytest.raises(PermissionError):
            os.ftruncate(memory.descriptor, size)
