from __future__ import annotations

from collections import Counter
from itertools import chain

import torch
from hypothesis import given
from hypothesis import strategies as st

from ml.training.sampling import epoch_batches, steps_of_epoch


def drawn(
    labels: list[int], *, batch_size: int, balanced: bool, steps: int | None = None, seed: int = 0
) -> list[list[int]]:
    batches = epoch_batches(
        torch.tensor(labels),
        batch_size=batch_size,
        steps_per_epoch=steps,
        balanced=balanced,
        generator=torch.Generator().manual_seed(seed),
    )
    return [batch.tolist() for batch in batches]


@given(count=st.integers(1, 40), batch_size=st.integers(1, 12), seed=st.integers(0, 9))
def test_an_epoch_takes_every_example_once_in_batches_of_nearly_one_size(
    count: int, batch_size: int, seed: int
) -> None:
    batches = drawn([0] * count, batch_size=batch_size, balanced=False, seed=seed)

    assert sorted(chain.from_iterable(batches)) == list(range(count))
    sizes = [len(batch) for batch in batches]
    assert max(sizes) <= batch_size
    assert max(sizes) - min(sizes) <= 1
    assert len(batches) == steps_of_epoch(count, batch_size=batch_size, steps_per_epoch=None)


def test_another_seed_gives_another_order() -> None:
    assert drawn([0] * 20, batch_size=20, balanced=False) == drawn([0] * 20, batch_size=20, balanced=False)
    assert drawn([0] * 20, batch_size=20, balanced=False) != drawn([0] * 20, batch_size=20, balanced=False, seed=1)


def test_a_fixed_number_of_steps_goes_round_and_round() -> None:
    batches = drawn([0] * 5, batch_size=4, balanced=False, steps=5)

    assert [len(batch) for batch in batches] == [4] * 5
    assert Counter(chain.from_iterable(batches)) == Counter(list(range(5)) * 4)


def test_a_batch_as_large_as_the_classes_has_one_example_of_each() -> None:
    labels = [0] * 30 + [1] * 2 + [2] * 7

    batches = drawn(labels, batch_size=3, balanced=True)

    assert len(batches) == 13
    assert all(sorted(labels[example] for example in batch) == [0, 1, 2] for batch in batches)


@given(seed=st.integers(0, 50))
def test_within_a_class_examples_come_equally_often(seed: int) -> None:
    labels = [4] * 3 + [9] * 5

    batches = drawn(labels, batch_size=4, balanced=True, steps=6, seed=seed)  # 24 draws, 12 of each class

    counts = Counter(chain.from_iterable(batches))
    assert [counts[example] for example in range(3)] == [4, 4, 4]
    assert sorted(counts[example] for example in range(3, 8)) == [2, 2, 2, 3, 3]  # 12 of 5
