"""The part of a member that learns on top of a pretrained trunk.

The embeddings of a clip's excerpts are averaged, then a linear layer, or one hidden layer before it, gives the scores.
The trunk itself is gone by then: what it heard lies in the store of features, so that a head trains in seconds and on
machines that have neither the audio nor the trunk.

Shape legend: B batch, T excerpt, E embedding, K class.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from ml.networks.configuration import require_at_least, require_input, require_rates
from ml.networks.frozen_trunk import EmbeddingHead
from ml.networks.initialisation import initialise


@dataclass(frozen=True, kw_only=True)
class TrunkHeadConfig:
    """Sizes of a head.

    Attributes
    ----------
    n_classes : int
        Classes.
    n_bands : int
        Numbers of an embedding.
    hidden : int
        Units of the hidden layer; 0 for none.
    dropout : float
        Rate behind it.
    """

    n_classes: int
    n_bands: int
    hidden: int = 256
    dropout: float = 0.3

    def __post_init__(self) -> None:
        """Refuse what cannot be built."""
        require_at_least(self, 1, "n_classes", "n_bands")
        require_at_least(self, 0, "hidden")
        require_rates(self, "dropout")


class TrunkHeadNetwork(nn.Module):
    """Scores of classes from stored embeddings.

    Parameters
    ----------
    config : TrunkHeadConfig
        Sizes.
    """

    def __init__(self, config: TrunkHeadConfig) -> None:
        super().__init__()
        self.config = config
        self.head: nn.Module
        if config.hidden:
            self.head = EmbeddingHead(
                config.n_bands, hidden=config.hidden, n_classes=config.n_classes, dropout=config.dropout
            )
        else:
            self.head = nn.Linear(config.n_bands, config.n_classes)
            initialise(self.head)

    def forward(self, x_B1TE: Tensor) -> Tensor:
        """Return the scores of the classes, ``scores_BK``."""
        require_input(x_B1TE, channels=1, bands=self.config.n_bands)
        scores_BK: Tensor = self.head(x_B1TE.mean(dim=(1, 2)))
        return scores_BK
