"""Seeds for the parts of a training, all made from one.

A generator whose state runs through the whole training would have to be stored with every checkpoint, and an epoch
would depend on all before it. Instead every epoch gets fresh generators, whose seeds are a hash of the training's
seed, the epoch and what they are for. A resumed training thus draws what an undisturbed one would have drawn.

What a network draws itself (dropout) comes from torch's own generators, since layers accept no other; the loop seeds
those for each epoch too and gives the caller's state back at the end.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import torch


class Purpose(IntEnum):
    """What a generator is for; the numbers enter the seed."""

    BATCHES = 0  # order, beginnings, augmentation
    NETWORK = 1  # dropout
    WINDOWS = 2  # random excerpts of a prediction


def derived_seed(seed: int, purpose: Purpose, *places: int) -> int:
    """Mix a seed with what it is for and with places such as epoch and rank, all of them at least 0."""
    return int(np.random.SeedSequence([seed, purpose, *places]).generate_state(1, np.uint64)[0])


def generator(seed: int, purpose: Purpose, *places: int) -> torch.Generator:
    """Make a generator on the CPU from a derived seed."""
    return torch.Generator().manual_seed(derived_seed(seed, purpose, *places))
