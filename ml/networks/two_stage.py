"""The two-stage score product of DCASE 2020.

One network tells three kinds of scene apart (indoor, outdoor, transportation), another the ten scenes. A scene's
score is the product of the probability that the second gives it and the one that the first gives its kind, and
the highest product wins (section 2.1). The products do not add up to one, since a kind's probability is not the
sum of its scenes' in the second network; here they are divided by their sum, which leaves the winner as it is
and makes probabilities of them. The two networks are trained apart, each with its own labels.

Shape legend: B batch, C channel, T frame, M mel band, K class, P parent class.

References
----------
.. [1] H. Hu et al., "Device-robust acoustic scene classification based on two-stage categorization and data
   augmentation", DCASE 2020, section 2.1 and figure 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

PARENTS = ("indoor", "outdoor", "transportation")
PARENT_OF: Mapping[str, str] = {
    "airport": "indoor",
    "shopping_mall": "indoor",
    "metro_station": "indoor",
    "street_pedestrian": "outdoor",
    "public_square": "outdoor",
    "street_traffic": "outdoor",
    "park": "outdoor",
    "tram": "transportation",
    "bus": "transportation",
    "metro": "transportation",
}


def parent_indices(classes: Sequence[str]) -> tuple[int, ...]:
    """Find the parent of each scene of TAU Urban Acoustic Scenes.

    Parameters
    ----------
    classes : sequence of str
        Names of scenes, in the order of the fine network's scores.

    Returns
    -------
    tuple of int
        Index into `PARENTS` for each.

    Raises
    ------
    ValueError
        If a name is not one of the ten scenes.
    """
    unknown = [name for name in classes if name not in PARENT_OF]
    if unknown:
        message = f"class {unknown[0]!r}: expected one of {', '.join(PARENT_OF)}."
        raise ValueError(message)
    return tuple(PARENTS.index(PARENT_OF[name]) for name in classes)


class TwoStageNetwork(nn.Module):
    """Multiply the probabilities of classes by those of their parents.

    Parameters
    ----------
    coarse, fine : nn.Module
        Networks of the same input that score the parents and the classes.
    parents : sequence of int
        Index of the parent of each class.

    Raises
    ------
    ValueError
        If a parent is negative or there is none.
    """

    parents: Tensor

    def __init__(self, coarse: nn.Module, fine: nn.Module, parents: Sequence[int]) -> None:
        super().__init__()
        if not parents or min(parents) < 0:
            message = f"parents = {tuple(parents)}: expected one index of at least 0 for each class."
            raise ValueError(message)
        self.coarse = coarse
        self.fine = fine
        self.n_parents = max(parents) + 1
        self.register_buffer("parents", torch.tensor(parents), persistent=False)

    def forward(self, x_BCTM: Tensor) -> Tensor:
        """Return the logarithms of the classes' probabilities, ``scores_BK``."""
        coarse_BP, fine_BK = self.coarse(x_BCTM), self.fine(x_BCTM)
        if coarse_BP.shape[1] < self.n_parents or fine_BK.shape[1] != len(self.parents):
            message = (
                f"{coarse_BP.shape[1]} parents and {fine_BK.shape[1]} classes have scores: "
                f"expected at least {self.n_parents} and {len(self.parents)}."
            )
            raise ValueError(message)
        return product_scores(coarse_BP, fine_BK, self.parents)


def product_scores(coarse_BP: Tensor, fine_BK: Tensor, parent_K: Tensor) -> Tensor:
    """Join the scores of both stages.

    Parameters
    ----------
    coarse_BP, fine_BK : float Tensor [shape=(batch, parents), shape=(batch, classes)]
        Scores, of which softmax gives the probabilities of parents and classes.
    parent_K : int64 Tensor [shape=(classes,)]
        Index of the parent of each class.

    Returns
    -------
    float Tensor [shape=(batch, classes)]
        Logarithms of the products, divided by their sum.

    References
    ----------
    Hu et al., section 2.1.
    """
    coarse_BP, fine_BK = coarse_BP.float(), fine_BK.float()  # logarithms of small probabilities need the digits
    return (coarse_BP.log_softmax(dim=1)[:, parent_K] + fine_BK.log_softmax(dim=1)).log_softmax(dim=1)
