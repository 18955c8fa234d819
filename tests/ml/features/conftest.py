"""Synthesised clips: sines and noise that begin and end in silence."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

MakeClip = Callable[..., NDArray[np.float64]]


@pytest.fixture(name="make_clip")
def _make_clip() -> MakeClip:
    def make(n_samples: int, *, rate: int = 32_000, seed: int = 0, silence: float = 0.2) -> NDArray[np.float64]:
        generator = np.random.default_rng(seed)
        time = np.arange(n_samples) / rate
        clip = 0.4 * np.sin(2 * np.pi * 440 * time) + 0.1 * np.sin(2 * np.pi * 3000 * time)
        clip += 0.02 * generator.standard_normal(n_samples)
        quiet = int(silence * n_samples)
        clip[:quiet] = 0.0
        clip[n_samples - quiet :] *= 1e-5
        return clip

    return make
