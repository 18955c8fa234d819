"""The baseline of CochlScene: three convolutions of 7 x 7 and two linear layers.

Table II gives the layers' outputs, the text that normalisation, rectifiers and dropout are "applied like the
DCASE model", of DCASE 2022 task 1, whose kernels are 7 x 7. That agrees with the 116,821 trainable parameters,
number by number, with biases and with two numbers a channel of batch normalisation:

=================  ==============================  =======
convolutions       49 (1·16 + 16·16 + 16·32) + 64   38,480
normalisations     2 (16 + 16 + 32)                    128
linear 1           768·100 + 100                    76,900
linear 2           100·13 + 13                       1,313
=================  ==============================  =======

Text and table disagree on the input: the text says 40 mel bands, table II 128. With 40 bands 256 numbers would
reach the first linear layer and the count would be 65,621; so the table is followed. The first pooling is 5 x 5
(499 x 128 to 99 x 25). The table's 4 columns allow 20 to 24 frames for the second, whose 6 rows mean 4 bands; the
published system has 20, and dropout of 0.3. The table's swap of frames and bands is left out: kernels are square.

Shape legend: B batch, C channel, T frame, M mel band, K class.

References
----------
.. [1] I.-Y. Jeong and J. Park, "CochlScene: Acquisition of acoustic scene data using crowdsourcing", 2022,
   section IV.A and table II.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from ml.networks.configuration import require_at_least, require_input, require_rates
from ml.networks.initialisation import initialise
from ml.networks.normalised_convolution import normalised_convolution
from ml.networks.single_precision import in_single_precision

POOLS = ((5, 5), (20, 4))  # frames, bands
KERNEL = 7


@dataclass(frozen=True, kw_only=True)
class CochlSceneConfig:
    """Sizes of the baseline.

    Attributes
    ----------
    n_classes : int
        Classes (table II: 13).
    n_channels, n_frames, n_bands : int
        Shape of one input; the network is not fully convolutional.
    widths : tuple of two int
        Channels of the first two convolutions and of the third.
    hidden : int
        Units of the first linear layer.
    dropout : float
        Rate after the poolings and the first linear layer.
    """

    n_classes: int
    n_channels: int = 1
    n_frames: int = 499
    n_bands: int = 128
    widths: tuple[int, int] = (16, 32)
    hidden: int = 100
    dropout: float = 0.3

    def __post_init__(self) -> None:
        """Refuse what cannot be built."""
        require_at_least(self, 1, "n_classes", "n_channels", "widths", "hidden")
        require_at_least(self, POOLS[0][0] * POOLS[1][0], "n_frames")
        require_at_least(self, POOLS[0][1] * POOLS[1][1], "n_bands")
        require_rates(self, "dropout")

    @property
    def flattened(self) -> int:
        """Numbers that reach the first linear layer."""
        frames = self.n_frames // POOLS[0][0] // POOLS[1][0]
        bands = self.n_bands // POOLS[0][1] // POOLS[1][1]
        return self.widths[1] * frames * bands


class CochlSceneNetwork(nn.Module):
    """The baseline network.

    Parameters
    ----------
    config : CochlSceneConfig
        Sizes.
    """

    def __init__(self, config: CochlSceneConfig) -> None:
        super().__init__()
        self.config = config
        first, second = config.widths
        self.layers = nn.Sequential(
            normalised_convolution(config.n_channels, first, KERNEL, bias=True),
            normalised_convolution(first, first, KERNEL, bias=True),
            nn.MaxPool2d(POOLS[0]),
            nn.Dropout(config.dropout),
            normalised_convolution(first, second, KERNEL, bias=True),
            nn.MaxPool2d(POOLS[1]),
            nn.Dropout(config.dropout),
            nn.Flatten(),
            nn.Linear(config.flattened, config.hidden),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.hidden, config.n_classes),
        )
        initialise(self)

    def forward(self, x_BCTM: Tensor) -> Tensor:
        """Return the scores of the classes, ``scores_BK``."""
        config = self.config
        require_input(x_BCTM, channels=config.n_channels, frames=config.n_frames, bands=config.n_bands)
        *layers, classifier = self.layers
        for layer in layers:
            x_BCTM = layer(x_BCTM)
        return in_single_precision(classifier, x_BCTM)
