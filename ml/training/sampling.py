"""Which examples stand together in a batch, epoch by epoch.

The plain rule takes every example once per epoch in random order. Batches differ by at most one in size: a small
rest as the last batch would weigh its few clips more and starve batch normalisation.

The balanced rule draws the classes evenly, however rare they are. Classes are dealt out like cards: a shuffled round
of all classes, then another. A batch as large as the number of classes thus holds one example of each class, as
Jeong and Lim have it [1]_, and larger ones hold the classes evenly, as in the released code of Iqbal and Wang [2]_,
whose paper does not mention it. Within a class the examples are dealt out the same way, so that none comes a second
time before all others of its class came once.

An epoch may also be a fixed number of batches, since some papers count batches rather than epochs [1]_ [3]_.

Shapes: I examples, B examples of a batch.

References
----------
.. [1] I.-Y. Jeong and H. Lim, "Audio tagging system using densely connected convolutional networks", DCASE 2018,
   sections 3.1 and 3.3.
.. [2] Iqbal et al., DCASE 2018.
.. [3] Q. Kong et al., "DCASE 2018 challenge Surrey cross-task convolutional neural network baseline", DCASE 2018,
   section 4.
"""

from __future__ import annotations

import torch
from torch import Tensor


def steps_of_epoch(n_examples: int, *, batch_size: int, steps_per_epoch: int | None) -> int:
    """Return the number of batches of an epoch: the given one, else as few as hold every example once."""
    return steps_per_epoch or -(-n_examples // batch_size)


def epoch_batches(
    label_I: Tensor, *, batch_size: int, steps_per_epoch: int | None, balanced: bool, generator: torch.Generator
) -> list[Tensor]:
    """Draw the batches of one epoch.

    Parameters
    ----------
    label_I : int64 Tensor [shape=(I,)]
        Class of each example.
    batch_size : int
        Most examples of a batch.
    steps_per_epoch : int, optional
        Batches of an epoch. Default: as few as hold every example once.
    balanced : bool
        Whether classes come equally often.
    generator : torch.Generator
        Source of the order.

    Returns
    -------
    list of int64 Tensor [shape=(B,)]
        Examples of each batch, by number.
    """
    steps = steps_of_epoch(len(label_I), batch_size=batch_size, steps_per_epoch=steps_per_epoch)
    if balanced:
        order = _dealt_by_class(label_I, steps * batch_size, generator)
    elif steps_per_epoch:
        order = _dealt(torch.arange(len(label_I)), steps * batch_size, generator)
    else:
        order = _dealt(torch.arange(len(label_I)), len(label_I), generator)
    return list(order.tensor_split(steps))


def _dealt(cards: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Return `count` cards, dealing out all of them, shuffled anew, round by round."""
    rounds = -(-count // len(cards))
    shuffled = [cards[torch.randperm(len(cards), generator=generator)] for _ in range(rounds)]
    return torch.cat(shuffled)[:count] if shuffled else cards[:0]


def _dealt_by_class(label_I: Tensor, count: int, generator: torch.Generator) -> Tensor:
    classes = sorted(set(label_I.tolist()))
    class_J = _dealt(torch.tensor(classes), count, generator)
    order_J = torch.empty(count, dtype=torch.int64)
    for number in classes:
        place = (class_J == number).nonzero().view(-1)
        members = (label_I == number).nonzero().view(-1)
        order_J[place] = _dealt(members, len(place), generator)
    return order_J
