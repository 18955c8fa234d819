"""Dorfer and Widmer's fully convolutional network, whose last channels are the classes.

Table 1 lists fifteen convolutions, each normalised, and section 3.1 says "14,865,124 trainable parameters". With
41 classes the weights are 14,846,016 and the normalised channels 4,777; the difference, 19,108, is four numbers
for each channel. So the convolutions have no biases and the printed sum holds the running means and variances,
which are not trained; 14,855,570 numbers are.

The table writes the input as 1 x 384 x 128 (frames, bands) and the last two poolings as 1 x 2. If those halved
the bands, 2 would be left for the 3 x 3 convolution without padding, which cannot be. They halve the frames: 384 x
128 becomes 6 x 8, then 4 x 6. For the same reason an input needs at least 192 frames. Any more will do, since
the class maps are averaged over all positions; the paper trains on 384 and tests on 3,000.

Shape legend: B batch, C channel, T frame, M mel band, K class.

References
----------
.. [1] M. Dorfer and G. Widmer, "Training general-purpose audio tagging networks with noisy labels and iterative
   self-verification", DCASE 2018, section 3.1 and table 1.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from ml.networks.configuration import require_at_least, require_input, require_rates
from ml.networks.initialisation import initialise
from ml.networks.normalised_convolution import normalised_convolution
from ml.networks.single_precision import in_single_precision

LEAST_FRAMES = 192  # halved six times, they leave the three that the last 3 x 3 kernel spans
LEAST_BANDS = 48  # halved four times


@dataclass(frozen=True, kw_only=True)
class DorferConfig:
    """Sizes of the network.

    Attributes
    ----------
    n_classes : int
        Classes (41).
    n_channels, n_bands : int
        Shape of one input, but for its frames.
    width : int
        Channels of the first convolutions; the later have 2, 4, 6 and 8 times as many (table 1: 64).
    dropout, top_dropout : float
        Rates among the convolutions of the feature part and of the classification part.
    """

    n_classes: int
    n_channels: int = 1
    n_bands: int = 128
    width: int = 64
    dropout: float = 0.3
    top_dropout: float = 0.5

    def __post_init__(self) -> None:
        """Refuse what cannot be built."""
        require_at_least(self, 1, "n_classes", "n_channels", "width")
        require_at_least(self, LEAST_BANDS, "n_bands")
        require_rates(self, "dropout", "top_dropout")


class DorferNetwork(nn.Module):
    """The network of table 1.

    Parameters
    ----------
    config : DorferConfig
        Sizes.
    """

    def __init__(self, config: DorferConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.layers = nn.Sequential(
            normalised_convolution(config.n_channels, width, 5, stride=2),
            normalised_convolution(width, width, 3),
            *self._pooled((2, 2)),
            normalised_convolution(width, 2 * width, 3),
            normalised_convolution(2 * width, 2 * width, 3),
            *self._pooled((2, 2)),
            normalised_convolution(2 * width, 4 * width, 3),
            nn.Dropout(config.dropout),
            normalised_convolution(4 * width, 4 * width, 3),
            nn.Dropout(config.dropout),
            normalised_convolution(4 * width, 6 * width, 3),
            nn.Dropout(config.dropout),
            normalised_convolution(6 * width, 6 * width, 3),
            *self._pooled((2, 2)),
            normalised_convolution(6 * width, 8 * width, 3),
            normalised_convolution(8 * width, 8 * width, 3),
            *self._pooled((2, 1)),
            normalised_convolution(8 * width, 8 * width, 3),
            normalised_convolution(8 * width, 8 * width, 3),
            *self._pooled((2, 1)),
        )
        self.class_maps = nn.Sequential(
            normalised_convolution(8 * width, 8 * width, 3, padded=False),
            nn.Dropout(config.top_dropout),
            normalised_convolution(8 * width, 8 * width, 1),
            nn.Dropout(config.top_dropout),
            nn.Conv2d(8 * width, config.n_classes, 1, bias=False),
            nn.BatchNorm2d(config.n_classes),
        )
        initialise(self)

    def _pooled(self, window: tuple[int, int]) -> tuple[nn.Module, nn.Module]:
        return nn.MaxPool2d(window), nn.Dropout(self.config.dropout)

    def forward(self, x_BCTM: Tensor) -> Tensor:
        """Return the scores of the classes, ``scores_BK``."""
        config = self.config
        require_input(x_BCTM, channels=config.n_channels, bands=config.n_bands, least_frames=LEAST_FRAMES)
        return in_single_precision(self.class_maps, self.layers(x_BCTM)).mean(dim=(2, 3))
