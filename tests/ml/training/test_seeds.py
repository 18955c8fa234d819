from __future__ import annotations

from itertools import product

import torch

from ml.training.seeds import Purpose, derived_seed, generator


def test_every_seed_purpose_and_place_has_a_seed_of_its_own() -> None:
    found = {
        derived_seed(seed, purpose, epoch, rank)
        for seed, purpose, epoch, rank in product(range(5), Purpose, range(9), range(3))
    }

    assert len(found) == 5 * 3 * 9 * 3


def test_a_generator_draws_the_same_again() -> None:
    first, second = (torch.rand(4, generator=generator(1, Purpose.BATCHES, 2)) for _ in range(2))

    assert torch.equal(first, second)
